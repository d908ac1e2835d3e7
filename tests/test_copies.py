"""A copy of a project asks what it is before it acts, and leaves the original's jobs alone."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from asimov.cli import COMMANDS
from asimov.errors import EXIT_BUSY, AsimovError
from asimov.journal.journal import Journal
from asimov.project import identity as whereabouts
from asimov.project.workspace import Workspace
from tests.conftest import Ran
from tests.frozen import frozen
from tests.refusals import is_clear, state

JOB = """
{{kind: analysis, event: s, name: {name}, pipeline: command, executable: /bin/sh,
 outputs: {{o: o}}, arguments: [-c,
 "echo {name} $PWD >> {top}/ran; until [ -e {top}/go ]; do sleep 0.05; done; : > o"]}}
"""


#: The commands that act, and those that only read, each with arguments.
ACTS = {
    "monitor": ["--chain"], "manage": ["build", "submit"], "start": [], "stop": [],
    "production": ["set", "s", "a", "--status", "restart"], "apply": ["-f", "../jobs.yaml"],
    "review": ["add", "s", "a", "approved"], "rerun": ["s/a", "--yes"], "cancel": ["s/a", "--yes"],
    "mv": ["s/a", "s/z"], "rm": ["s/a", "--yes"], "event": ["create", "t"], "clean": ["--yes"],
    "ledger": ["undo"],
}  # fmt: skip
READS = {
    "status": [], "log": [], "why": ["s", "a"], "logs": ["s/a"], "diff": ["s/a"],
    "provenance": ["s/a"], "package": ["s/a"], "answer": ["s/a"], "report": ["status"],
    "store": ["verify"], "notify": ["list"],
}  # fmt: skip
#: Commands about no analysis, and those that go on until they are stopped.
_WITHOUT_JOBS = {"init", "configuration", "project", "vocabulary", "plugins", "completion"}
_LASTING = {"serve", "top"}


def test_no_command_is_left_out() -> None:
    assert ACTS.keys() | READS.keys() | _WITHOUT_JOBS | _LASTING == COMMANDS.keys()


class Copies:
    """A project whose jobs run, and ways to copy it."""

    def __init__(self, root: Path, asimov: Callable[..., Ran]) -> None:
        self.top, self.root, self.asimov = root.parent, root, asimov

    def run(self, root: Path, *argv: object, code: int = 0) -> Ran:
        ran = self.asimov("--project", root, *argv)
        assert ran.code == code, ran
        return ran

    def apply(self, *names: str) -> None:
        path = self.top / "jobs.yaml"
        jobs = [JOB.format(name=name, top=self.top) for name in names]
        path.write_text("---".join(["{kind: subject, name: s}\n", *jobs]))
        self.run(self.root, "apply", "-f", path)

    def start(self, *names: str) -> None:
        """Have jobs run in the project."""
        self.apply(*names)
        self.run(self.root, "configuration", "update", "local/processes", 8)
        self.run(self.root, "monitor", "--chain")
        self.wait_for(len(names))

    def ran(self) -> list[tuple[str, str]]:
        """Return which job ran where, once for each time."""
        path = self.top / "ran"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted((line.split()[0], line.split()[1].split("/")[-4]) for line in lines)

    def wait_for(self, number: int) -> None:
        end = time.monotonic() + 120
        while len(self.ran()) < number:
            assert time.monotonic() < end, self.ran()
            time.sleep(0.05)

    def copy(self, name: str = "copy", how: str = "-a") -> Path:
        """Copy the project as it is at one moment; a file that changes may not be copied whole."""
        with frozen(self.root):
            subprocess.run(["cp", how, self.root, self.top / name], check=True)
        return self.top / name

    def remove(self) -> None:
        """Remove the project, and nobody makes another file meanwhile."""
        with frozen(self.root):
            shutil.rmtree(self.root)

    def finish(self, root: Path, code: int = 0) -> Ran:
        until = ("--until-idle", "--interval", "0.1", "--timeout", "300")
        return self.run(root, "monitor", "--chain", *until, code=code)

    def states(self, root: Path) -> dict[str, str]:
        told = json.loads(self.run(root, "status", "--json").out)
        return {row["name"]: row["status"] for row in told}

    def identity(self, root: Path) -> str:
        return self.run(root, "configuration", "show", "project/id").out.strip()


@pytest.fixture
def copies(project: Path, asimov: Callable[..., Ran]) -> Copies:
    return Copies(project, asimov)


def test_of_a_running_project_and_its_copy_each_job_runs_once(copies: Copies) -> None:
    copies.start("a", "b", "c", "d")
    copy = copies.copy()
    before = state(copy)
    for command, words in ACTS.items():
        argv = [command, *words]
        said = ("this is a copy of the project in", str(copies.root), "'asimov project copied'")
        is_clear(copies.run(copy, *argv, code=1), *said)
    assert state(copy) == before

    ran = copies.run(copy, "project", "copied")
    assert "4 left to the original project, and stuck here: s/a, s/b, s/c, s/d" in ran.out
    assert copies.identity(copy) != copies.identity(copies.root)
    assert set(copies.states(copy).values()) == {"stuck"}
    reason = copies.run(copy, "why", "s", "a").out
    assert "left to the project that this one was copied from" in reason
    assert "'asimov production set s/a --status restart'" in reason
    copies.finish(copy, code=3)
    for name, status in (("a", "restart"), ("b", "cancelled"), ("c", "stop")):
        copies.run(copy, "production", "set", "s", name, "--status", status)
    copies.run(copy, "monitor", "--chain")
    copies.wait_for(5)
    assert set(copies.states(copies.root).values()) == {"running"}

    (copies.top / "go").touch()
    copies.finish(copies.root)
    assert set(copies.states(copies.root).values()) == {"uploaded"}
    copies.finish(copy, code=3)
    ended = {"a": "uploaded", "b": "cancelled", "c": "stopped", "d": "stuck"}
    assert copies.states(copy) == ended
    own = [(name, "project") for name in "abcd"]
    assert copies.ran() == sorted([*own, ("a", "copy")])


def test_reading_a_copy_needs_no_answer(copies: Copies) -> None:
    copies.start("a")
    copy = copies.copy()
    for command, words in {**READS, "monitor": ["--chain", "--dry-run"]}.items():
        ran = copies.asimov("--project", copy, command, *words)
        assert "note: this is a copy of the project in" in ran.err, ran
        assert "this is a copy" not in copies.asimov("--project", copies.root, command, *words).err
    assert json.loads(copies.run(copy, "status", "--json").out)[0]["status"] == "running"


def test_a_person_at_a_terminal_is_asked(copies: Copies) -> None:
    copies.start("a")
    copy = copies.copy()

    def answered(answer: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        done = subprocess.Popen(
            [sys.executable, "-m", "asimov", "--project", str(copy), "monitor"],
            stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True,
        )  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        out, _ = done.communicate(timeout=300)
        said = b""
        try:
            while more := os.read(ours, 10_000):
                said += more
        except OSError:
            pass
        os.close(ours)
        assert b"How did this project get here?" in said
        assert b"moved" not in said.partition(b"How did this project get here?")[2]
        return done.returncode, out

    before = state(copy)
    assert answered("cancel") == (130, "")
    assert state(copy) == before
    code, out = answered("copied")
    assert (code, "1 stuck" in out) == (0, True)


def test_a_rename_goes_unnoticed_and_the_jobs_go_on(copies: Copies) -> None:
    copies.start("a")
    moved = copies.top / "elsewhere"
    copies.root.rename(moved)
    copies.run(moved, "monitor")
    kept = Journal(moved / ".asimov" / "journal.db", reading=True).get_property("whereabouts")
    assert json.loads(kept or "")[0] == str(moved)
    (copies.top / "go").touch()
    copies.finish(moved)
    assert copies.states(moved) == {"a": "uploaded"}
    assert len(copies.ran()) == 1


def test_what_was_moved_to_another_disk_goes_on_when_that_is_said(copies: Copies) -> None:
    copies.start("a")
    moved = copies.copy("moved")
    copies.remove()
    ran = copies.run(moved, "monitor", code=1)
    is_clear(ran, f"was moved or copied; it was in {copies.root}", "'asimov project moved'")
    assert "The project continues in" in copies.run(moved, "project", "moved").out
    copies.run(moved, "monitor")
    assert "nothing to do" in copies.run(moved, "project", "moved").out
    assert copies.states(moved)["a"] in {"running", "stuck"}  # its job's folder is gone


def test_what_was_restored_in_place_asks_as_well(copies: Copies) -> None:
    copies.apply("a")
    backup = copies.copy("backup")
    shutil.rmtree(copies.root)
    subprocess.run(["cp", "-a", backup, copies.root], check=True)
    is_clear(copies.run(copies.root, "monitor", code=1), "was replaced by a copy of it")
    copies.run(copies.root, "project", "moved")
    copies.run(copies.root, "monitor")


def test_an_inode_whose_number_was_given_again_is_another(copies: Copies) -> None:
    copies.apply("a")
    journal = Journal(copies.root / ".asimov" / "journal.db")
    known = json.loads(journal.get_property("whereabouts") or "")
    if not known[4]:
        pytest.skip("this file system has no generations")
    journal.set_property("whereabouts", json.dumps([*known[:2], known[2] - 1, "", known[4] + 1]))
    journal.close()
    is_clear(copies.run(copies.root, "monitor", code=1), "was replaced by a copy of it")


def test_a_copy_was_not_moved_while_the_original_is_there(copies: Copies) -> None:
    copies.apply("a")
    copy = copies.copy()
    ran = copies.run(copy, "project", "moved", code=1)
    is_clear(ran, "it was copied, not moved", "rename or remove it first")
    copies.root.rename(copies.top / "old")
    copies.run(copy, "project", "moved")
    copies.run(copy, "monitor")


def test_a_project_that_is_no_copy_forgets_no_job_by_mistake(copies: Copies) -> None:
    copies.start("a")
    is_clear(
        copies.run(copies.root, "project", "copied", code=1),
        "this project does not look like a copy",
        "--certain",
    )
    assert copies.states(copies.root) == {"a": "running"}
    # Nor while its job runs here; that has ended, and is not known to have, when it is forgotten.
    certain = ("--project", copies.root, "project", "copied", "--certain")
    ran = copies.asimov(*certain)
    assert (ran.code, "(runs the local queue" in ran.err) == (EXIT_BUSY, True), ran
    assert copies.states(copies.root) == {"a": "running"}
    (copies.top / "go").touch()
    end = time.monotonic() + 120
    while copies.asimov(*certain).code:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert copies.states(copies.root) == {"a": "stuck"}


def test_the_monitor_in_the_background_is_the_original_s(copies: Copies) -> None:
    copies.apply("a")
    copies.run(copies.root, "start", "--interval", "0.2")
    copies.wait_for(1)
    copy = copies.copy()
    copies.run(copy, "project", "copied")
    is_clear(copies.run(copy, "stop", code=1), "is not running in the background")
    copies.run(copy, "monitor", "--chain")  # nobody else is at work here
    (copies.top / "go").touch()
    end = time.monotonic() + 120
    while copies.states(copies.root) != {"a": "uploaded"}:
        assert time.monotonic() < end
        time.sleep(0.1)
    copies.run(copies.root, "stop")
    assert len(copies.ran()) == 1


def test_a_copy_whose_journal_is_lost_takes_up_no_job_of_the_original(copies: Copies) -> None:
    copies.start("a")
    copy = copies.copy()
    is_clear(copies.run(copy, "ledger", "repair", "--ready", code=1), "this is a copy")
    copies.run(copy, "project", "copied")
    for path in (copy / ".asimov").glob("journal.db*"):
        path.unlink()
    copies.run(copy, "ledger", "repair")
    assert copies.states(copy) != {"a": "running"}
    copies.run(copy, "monitor", "--chain")
    (copies.top / "go").touch()
    copies.finish(copies.root)
    assert len(copies.ran()) == 1


def test_a_damaged_copy_is_not_repaired_before_it_is_known_what_it_is(copies: Copies) -> None:
    copies.start("a")
    copy = copies.copy()
    journal = copy / ".asimov" / "journal.db"
    with closing(Journal(journal, reading=True)) as reading:
        assert reading.open_attempts()
    with closing(sqlite3.connect(journal)) as db:
        db.execute("PRAGMA writable_schema = 1")
        db.execute("DELETE FROM sqlite_schema WHERE name = 'remedies'")
        db.commit()
    ran = copies.run(copy, "ledger", "repair", code=1)
    is_clear(ran, "this is a copy of the project")
    copies.run(copy, "ledger", "repair", "--dry-run")


def test_a_copy_that_was_cut_short_in_its_answer_asks_again(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.project import copies as module

    copies.start("a")
    copy = copies.copy()

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("_empty", "_leave"):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, dies)
            copies.run(copy, "project", "copied", code=130)
        copies.run(copy, "monitor", "--chain", code=1)
    copies.run(copy, "project", "copied")
    copies.finish(copy, code=3)
    assert len(copies.ran()) == 1


def test_where_inodes_are_not_kept_the_time_of_the_last_change_tells(project: Path) -> None:
    with_record = Workspace.open(project)
    kept = json.loads(with_record.journal.get_property("whereabouts") or "")
    with_record.journal.set_property("whereabouts", json.dumps([kept[0], kept[1] + 1, kept[2]]))
    Workspace.open(project)
    with_record.journal.set_property("whereabouts", json.dumps([kept[0], kept[1], kept[2] + 1]))
    Workspace.open(project)
    with_record.journal.set_property("whereabouts", json.dumps([kept[0], *([kept[2] + 1] * 2)]))
    with pytest.raises(whereabouts.UnsettledError):
        Workspace.open(project)
    with_record.journal.set_property("whereabouts", "of a later version")
    Workspace.open(project)


@pytest.mark.skipif(not shutil.which("unshare"), reason="there is no unshare here")
def test_a_mount_at_another_path_is_no_copy(project: Path, tmp_path: Path) -> None:
    Workspace.open(project)
    other = tmp_path / "other"
    other.mkdir()
    script = 'mount --bind "$0" "$1" && shift 1 && exec "$@"'
    inside = ["unshare", "-rm", "/bin/sh", "-c", 'mount --bind "$0" "$1"', project, other]
    if subprocess.run(inside, check=False, capture_output=True).returncode:
        pytest.skip("no mounts can be made here")
    inside[4] = script.replace("shift 1 && ", "shift && ")
    command = [sys.executable, "-m", "asimov", "--project", str(other), "monitor"]
    done = subprocess.run([*inside, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    done = subprocess.run([*command[:4], str(project), "monitor"], check=False)
    assert done.returncode == 0


def test_a_mark_that_can_t_be_made_is_told(project: Path) -> None:
    workspace = Workspace.open(project)
    mark = project / ".asimov" / "here"
    mark.unlink()
    mark.symlink_to(project / "nowhere" / "at all")
    with pytest.raises(AsimovError, match="can't be written"):
        whereabouts.record(workspace.project, workspace.journal)


def test_a_copy_that_shares_its_files_by_hard_links_is_refused(copies: Copies) -> None:
    copies.start("a")
    copy = copies.copy("links", "-al")
    before = copies.states(copies.root)
    for command in (
        ["production", "set", "s", "a", "--status", "cancelled"], ["monitor", "--chain"],
        ["project", "moved"], ["project", "copied"], ["project", "copied", "--certain"],
    ):  # fmt: skip
        ran = copies.run(copy, *command, code=1)
        assert "hard links" in ran.err
    assert copies.states(copies.root) == before
    (copies.top / "go").touch()
    copies.finish(copies.root)  # the original goes on, and so it does where the other one was made
    assert len(copies.ran()) == 1


def test_a_moved_project_with_a_backup_of_hard_links_can_go_on(copies: Copies) -> None:
    copies.start("a")
    copies.copy("backup", "-al")
    moved = copies.root.rename(copies.top / "moved")
    copies.run(moved, "monitor", code=1)
    copies.run(moved, "project", "moved")
    (copies.top / "go").touch()
    copies.finish(moved)
    assert len(copies.ran()) == 1


def test_a_copy_without_a_journal_is_not_repaired_with_the_jobs_of_the_original(
    copies: Copies,
) -> None:
    copies.start("a")
    copy = copies.copy()
    for path in (copy / ".asimov").glob("journal.db*"):
        path.unlink()
    ran = copies.run(copy, "ledger", "repair", code=1)
    is_clear(ran, f"it was in {copies.root}", "asimov init")
    assert not (copy / ".asimov" / "journal.db").exists()
    # Where somebody says that it was moved, it is.
    (copy / ".asimov" / "here").unlink()
    copies.run(copy, "ledger", "repair", "--dry-run")
    (copies.top / "go").touch()
    copies.finish(copies.root)
    assert len(copies.ran()) == 1
