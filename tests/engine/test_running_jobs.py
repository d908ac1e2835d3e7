"""Pipelines are asked about running jobs only where there is something to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_a_pipeline_that_names_progress_files_is_asked_once_there_is_one(
    lab: Any, simple: Any
) -> None:
    def check(self: Any) -> str:
        return f"asked of {self.production.name}"

    own = {"check_progress": check, "progress_files": "*.progress"}
    lab.register("told", type("P", (simple,), own))
    lab.apply("a, seconds: 1000, pipeline: told", "b, seconds: 1000, pipeline: told")
    lab.run("manage", "build", "submit")
    Path(lab.root, "working", "s", "b", "job.progress").write_text("1/2\n")
    lab.run("monitor")
    rows = lab.rows()
    assert (rows["a"]["progress"], rows["b"]["progress"]) == ("0/1", "asked of b")
