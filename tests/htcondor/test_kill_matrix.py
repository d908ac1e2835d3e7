"""The kill matrix on a real pool."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.kill_matrix import BLUEPRINT, Matrix
from tests.killing import server
from tests.searching import LONGER
from tests.sharded import installed

pytestmark = pytest.mark.htcondor


def test_no_job_is_lost_or_submitted_twice_whichever_boundary_a_command_is_killed_at(
    on_a_pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed(tmp_path / "packages")))
    (on_a_pool.root / "blueprint.yaml").write_text(BLUEPRINT)
    project = on_a_pool.run("configuration", "show", "project/id").out.strip()

    def jobs(wanted: str, *attributes: str) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        for tool in ("condor_q", "condor_history"):
            told = subprocess.run(
                [tool, "-constraint", f'AsimovProject == "{project}" && {wanted}',
                 "-af", "ClusterId", "AsimovUID", *attributes],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found |= {tuple(line.split()) for line in told.stdout.splitlines()}
        return found

    def clusters() -> Counter[str]:
        found = jobs("DAGManJobId is undefined && ProcId == 0")
        return Counter(uid for _, uid in found)

    def nodes() -> Counter[tuple[str, str]]:
        starts: Counter[tuple[str, str]] = Counter()
        wanted = "DAGManJobId isnt undefined"
        for _, uid, node, count in jobs(wanted, "DAGNodeName", "NumJobStarts"):
            starts[uid, node] += int(count)
        return starts

    with server(on_a_pool.root) as commands:
        commands.run("apply", "-f", "blueprint.yaml")
        matrix = Matrix(on_a_pool.root, commands)
        matrix.build(seconds=1.5 * LONGER)
        matrix.run(kills=int(30 * LONGER), seconds=400 * LONGER)
        matrix.check(clusters, nodes)
