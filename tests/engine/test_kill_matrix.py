"""The kill matrix on the local scheduler; on a real pool: tests/htcondor/test_kill_matrix.py."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.kill_matrix import BLUEPRINT, Matrix
from tests.killing import server


def test_no_job_is_lost_or_submitted_twice_whichever_boundary_a_command_is_killed_at(
    lab: Any, tmp_path: Path
) -> None:
    (lab.root / "blueprint.yaml").write_text(BLUEPRINT)

    def clusters() -> Counter[str]:
        (queue,) = (lab.root / ".asimov" / "local").glob("*.db")
        with closing(sqlite3.connect(queue)) as db:
            found = db.execute("SELECT uid FROM clusters WHERE dag IS NULL AND uid IS NOT NULL")
            return Counter(uid for (uid,) in found)

    with server(lab.root) as commands:
        commands.run("apply", "-f", "blueprint.yaml")
        matrix = Matrix(lab.root, commands)
        matrix.run(kills=200, seconds=240)
        matrix.check(clusters)
