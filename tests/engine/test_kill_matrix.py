"""The kill matrix on the local scheduler; on a real pool: tests/htcondor/test_kill_matrix.py."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.local.claims import Life, read_claim
from asimov.scheduler.local.spool import Spool
from tests.kill_matrix import BLUEPRINT, Matrix
from tests.killing import server
from tests.searching import LONGER
from tests.sharded import installed


def test_no_job_is_lost_or_submitted_twice_whichever_boundary_a_command_is_killed_at(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed(tmp_path / "packages")))
    (lab.root / "blueprint.yaml").write_text(BLUEPRINT)

    def query(text: str) -> list[tuple[Any, ...]]:
        (queue,) = (lab.root / ".asimov" / "local").glob("*.db")
        with closing(sqlite3.connect(queue)) as db:
            return list(db.execute(text))

    def clusters() -> Counter[str]:
        found = query("SELECT uid FROM clusters WHERE dag IS NULL AND uid IS NOT NULL")
        return Counter(uid for (uid,) in found)

    def nodes() -> Counter[tuple[str, str]]:
        starts: Counter[tuple[str, str]] = Counter()
        of_nodes = (
            "SELECT c.uid, c.node, p.runs FROM clusters c JOIN processes p ON p.cluster = c.id"
        )
        for uid, node, count in query(f"{of_nodes} WHERE c.dag IS NOT NULL"):
            starts[uid, node] += count
        return starts

    def kill_the_queue() -> None:
        """Kill the runner, keepers or both now and then, each as a group; their witness lives."""
        spool = Spool(lab.root)
        if chance.random() < 0.8:  # a runner takes a while to start
            return
        for claim in [spool.runner, *spool.runs.glob("*.claim")]:
            with suppress(FileNotFoundError, ProcessLookupError):
                life, (pid, _), *_ = read_claim(claim)
                if life is Life.ALIVE and chance.random() < 0.3:
                    os.killpg(pid, signal.SIGKILL)

    seed = random.randrange(1000)
    print("seed", seed)
    chance = random.Random(seed)
    with server(lab.root) as commands:
        commands.run("apply", "-f", "blueprint.yaml")
        matrix = Matrix(lab.root, commands, kill_the_queue)
        matrix.build(seconds=1.5 * LONGER)
        matrix.run(kills=int(30 * LONGER), seconds=240 * LONGER)
        matrix.check(clusters, nodes)
