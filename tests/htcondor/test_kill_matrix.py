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

pytestmark = pytest.mark.htcondor


def test_no_job_is_lost_or_submitted_twice_whichever_boundary_a_command_is_killed_at(
    on_a_pool: Any, tmp_path: Path
) -> None:
    (on_a_pool.root / "blueprint.yaml").write_text(BLUEPRINT)
    project = on_a_pool.run("configuration", "show", "project/id").out.strip()

    def clusters() -> Counter[str]:
        wanted = f'AsimovProject == "{project}" && DAGManJobId is undefined && ProcId == 0'
        found: set[tuple[str, ...]] = set()
        for tool in ("condor_q", "condor_history"):
            told = subprocess.run(
                [tool, "-constraint", wanted, "-af", "ClusterId", "AsimovUID"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found |= {tuple(line.split()) for line in told.stdout.splitlines()}
        return Counter(uid for _, uid in found)

    with server(on_a_pool.root) as commands:
        commands.run("apply", "-f", "blueprint.yaml")
        matrix = Matrix(on_a_pool.root, commands)
        matrix.build(seconds=3 * LONGER)
        matrix.run(kills=int(60 * LONGER), seconds=400 * LONGER)
        matrix.check(clusters)
