"""The pipeline ``phases`` on a pool whose execute side sees nothing of the project's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from numpy.random import SeedSequence, default_rng

from tests.htcondor.own_pool import Project
from tests.htcondor.test_no_shared_files import pool, project

pytestmark = pytest.mark.htcondor
__all__ = ["pool", "project"]

LEDGER = """
kind: analysis
name: a
subject: s
pipeline: phases
traces: data
runs: 1-3
shards: 2
seed: 4
phases:
- phase: synthetic_phases:Drawing
  parameters: {scale: {factor: 2}, calibration: calibration.txt}
  name: A
- phase: synthetic_phases:Drawing
  parameters: {scale: {factor: 1}, faults: {'2': raise}}
  name: B
  before: a
"""


def results(project: Project, phase: str) -> dict[str, str]:
    folder = project.root / "working/s/a/workspace" / phase
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_runs_assets_and_code_are_sent_along_and_results_come_back(project: Project) -> None:
    module = project.root / "synthetic_phases.py"
    shutil.copy(Path(__file__).parents[1] / "phases" / "synthetic.py", module)
    # The phase reads the file that its parameters name.
    line = "        run = payload.run_number\n"
    reads = f"{line}        assert self.parameters.calibration is None or self.calibrated()\n"
    method = """    def calibrated(self):
        assert self.parameters.calibration.read_text() == "1\\n"
        return True

    def note("""
    text = module.read_text().replace(line, reads).replace("    def note(", method)
    module.write_text(text)
    (project.root / "calibration.txt").write_text("1\n")
    (project.root / "data").mkdir()
    for run in (1, 2, 3):
        (project.root / f"data/run_000{run}.h5").write_text("t" * run * 10)
    project.apply(LEDGER)
    assert project.finish("stuck") == {"a": "stuck"}
    assert list(results(project, "A")) == ["run_0001.txt", "run_0002.txt", "run_0003.txt"]
    first = results(project, "B")
    assert list(first) == ["run_0001.txt", "run_0002.txt.failed", "run_0003.txt"]

    # Switched off, the first phase is not run again: what it has made is sent along.
    mended = LEDGER.replace(", faults: {'2': raise}", "").replace(
        "name: A", "name: A\n  active: false"
    )
    (project.root / "again.yaml").write_text(mended)
    project.run("apply", "-f", "again.yaml", "--update")
    project.run("production", "set", "s", "a", "--status", "restart")
    assert project.finish() == {"a": "uploaded"}
    (b,) = default_rng(SeedSequence(4, spawn_key=(2,))).normal(size=1)
    before = results(project, "A")["run_0002.txt"].strip()
    assert results(project, "B")["run_0002.txt"] == f"{before} {float(b)!r}\n"
    left = {path.name for path in (project.root / "working/s/a").iterdir()}
    assert not {"run_0001.h5", "synthetic_phases.py", "calibration.txt"} & left
