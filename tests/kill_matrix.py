"""The kill matrix: whole lives of analyses whose commands are killed at every kind of boundary."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.killing import GIT, Server
from tests.sharded import RESULT, TRIES

BLUEPRINT = """
{kind: subject, name: s}
---
{kind: analysis, event: s, name: dag, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: next, pipeline: simpletestpipeline, needs: [dag]}
---
{kind: analysis, event: s, name: own, pipeline: own}
---
{kind: analysis, event: s, name: processed, pipeline: processed}
---
kind: analysis
event: s
name: job
pipeline: command
executable: sh
arguments: ["-c", "echo done > result.txt"]
outputs: {result: result.txt}
---
kind: analysis
event: s
name: fails
pipeline: simpletestpipeline
exit code: 1
max resurrections: 1
resurrection pause: 0
---
{kind: analysis, event: s, name: sharded, pipeline: sharded, resurrection pause: 0}
---
{kind: analysis, event: s, name: apart, pipeline: sharded, files: transfer, resurrection pause: 0}
"""
#: The analyses whose second shard fails at first.
SHARDED = ("sharded", "apart")

#: What each analysis comes to.
ENDS = {
    name: "stuck" if name == "fails" else "uploaded"
    for name in ("dag", "next", "own", "processed", "job", "fails", *SHARDED)
}
#: Boundaries that every pass has.
ALWAYS = {
    "before a commit",
    "after a commit",
    "before Scheduler.observe",
    "after Scheduler.observe",
}
#: Boundaries that must have been among those where a command was killed.
WANTED = {
    f"{when} {what}"
    for when in ("before", "after")
    for what in (
        "a commit", "a sync", "Scheduler.submit", "Scheduler.submit_dag", "Scheduler.observe",
        "Scheduler.usage", "Pipeline.build_dag", "Pipeline.submit_dag",
        "Pipeline.detect_completion", "Pipeline.after_completion", "Pipeline.resurrect",
        "Pipeline.set_aside_unfinished",
    )
}  # fmt: skip


class Matrix:
    """A project whose commands are killed.

    Parameters
    ----------
    root
        The project's folder, with the blueprint applied.
    commands
        Runs its commands.
    besides
        Kills something besides, each time that a command was killed.
    """

    def __init__(
        self, root: Path, commands: Server, besides: Callable[[], object] = lambda: None
    ) -> None:
        self.root = root
        self.commands = commands
        self.besides = besides
        self.kills: Counter[str] = Counter()

    def run(self, kills: int, seconds: float) -> None:
        """Run the analyses to their ends again and again, until commands died at every boundary."""
        chance = random.Random(1)
        limit = time.monotonic() + seconds
        killed: str | None = ""
        while not (self.enough(kills) and self.states() == ENDS):
            assert time.monotonic() < limit, (self.kills, self.states(), self.told())
            missing = WANTED - self.kills.keys()
            if self.enough(kills):
                names, at = set(), 1
            elif missing:
                names, at = missing, 1
            else:  # where the last command did not come to its boundary, one that every pass has
                names = {chance.choice(sorted(WANTED))} if killed else ALWAYS
                at = chance.randint(1, 3)
            group = chance.random() < 0.5
            killed, code = self.commands.run("monitor", "--chain", names=names, at=at, group=group)
            self.look()
            if killed:
                self.kills[killed] += 1
                self.besides()
                continue
            assert code in {0, 5}, self.told()  # 5: a program may still be submitting
            if self.states() == ENDS and missing:
                for each in ENDS:
                    self.commands.run("production", "set", "s", each, "--status", "restart")
            elif not names:
                time.sleep(0.2)

    def build(self, seconds: float) -> None:
        """Build the analyses again and again in a group that is killed, mostly within git.

        Each time the next command has to build them, whatever was left.
        """
        seed = random.randrange(1000)
        print("seed", seed)
        chance = random.Random(seed)
        limit = time.monotonic() + seconds
        number, length = 0, 1.0
        while time.monotonic() < limit or set(GIT) - self.kills.keys():
            number += 1
            subject = self.root / "ledger" / "subjects" / "s.yaml"
            others = [line for line in subject.read_text().splitlines() if line[:5] != "note:"]
            subject.write_text("\n".join([f"note: round {number}", *others, ""]))
            missing = sorted(set(GIT) - self.kills.keys()) or [*GIT, "before a commit"]
            named = {"names": {chance.choice(missing)}}
            how = named if chance.random() < 0.7 else {"after": chance.uniform(0, length)}
            killed, _ = self.commands.run("manage", "build", group=True, **how)  # type: ignore[arg-type]
            if killed:
                self.kills[killed] += 1
            began = time.monotonic()
            _, code = self.commands.run("manage", "build")
            length = time.monotonic() - began
            assert code == 0, (killed, self.told())
            assert f"round {number}" in self.git("log", "-p", "-1"), (killed, self.told())
            assert self.git("status", "--porcelain", "--untracked-files=no") == ""
            assert not list((self.root / "checkouts" / ".git").rglob("*.lock"))
        self.git("fsck", "--strict")

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.root / "checkouts", capture_output=True, text=True,
            check=True,
        ).stdout  # fmt: skip

    def enough(self, kills: int) -> bool:
        return sum(self.kills.values()) >= kills and not WANTED - self.kills.keys()

    def look(self) -> None:
        """Check what must be true at any moment."""
        for name, status in self.states().items():
            if status in {"finished", "uploaded", "processing"}:
                result = (self.root / "working" / "s" / name / "result.txt").read_text()
                assert name not in SHARDED or result == RESULT, name

    def told(self) -> str:
        return (self.root / ".asimov" / "killed.out").read_text()[-4000:]

    def query(self, text: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.root / ".asimov" / "journal.db")) as db:
            return list(db.execute(text))

    def states(self) -> dict[str, str]:
        return dict(self.query("SELECT name, status FROM analyses"))  # type: ignore[arg-type]

    def check(
        self, clusters: Callable[[], Counter[str]], nodes: Callable[[], Counter[tuple[str, str]]]
    ) -> None:
        """Check that every attempt has had the clusters that the journal says: one, or none.

        Parameters
        ----------
        clusters
            Counts the scheduler's clusters by the attempts' identities that they carry.
        nodes
            Counts the starts of nodes, by the attempts' identities and the nodes' names.
        """
        expected = {
            uid: 0 if state == "void" else 1
            for uid, state in self.query("SELECT uid, state FROM attempts")
        }
        assert {uid: clusters().get(uid, 0) for uid in expected} == expected
        assert clusters().keys() <= expected.keys()  # no job of which nothing is known
        open_ones = self.query("SELECT name FROM attempts WHERE state IN ('intended', 'submitted')")
        assert not open_ones
        self.check_shards(nodes())
        for name, status in ENDS.items():
            manifest = self.root / "results" / "s" / name / "manifest.json"
            assert manifest.exists() == (status == "uploaded"), name
            if status == "uploaded":
                assert json.loads(manifest.read_text())

    def check_shards(self, nodes: Counter[tuple[str, str]]) -> None:
        """Check that no node ran twice in an attempt, and that each attempt ran what was missing.

        Parameters
        ----------
        nodes
            The starts of nodes.
        """
        # A job that was removed may not have started.
        removed = {uid for (uid,) in self.query("SELECT uid FROM attempts WHERE exit_code IS NULL")}
        for (uid, node), starts in nodes.items():
            assert starts == 1 or (starts == 0 and uid in removed), (uid, node, starts)
        told = "SELECT name, uid FROM attempts WHERE state = 'ended' ORDER BY intended"
        for name in SHARDED:
            uids = [uid for each, uid in self.query(told) if each == name]
            ran = [{node for each, node in nodes if each == uid} for uid in uids]
            assert ran == list(TRIES) * (len(ran) // 2), (name, ran)
            result = self.root / "results" / "s" / name / "result.txt"
            assert result.read_text() == RESULT
