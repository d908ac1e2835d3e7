"""The base class of a plugin author's tests: a test for each contract."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from asimov.pipelines.testing import SimpleTestPipeline

from asimov.testing.conformance.contracts import CONTRACTS
from asimov.testing.suite import PipelineTests

CONTRACT_TESTS = """\
from asimov.pipelines.testing import SimpleTestPipeline
from asimov.testing.suite import PipelineTests

class Mine(SimpleTestPipeline):
    name = "mine"
    log_patterns = ()

class TestMine(PipelineTests):
    pipeline = Mine
    settings = {"seconds": 0.1}

class TestInstalled(PipelineTests):
    pipeline = "simpletestpipeline"

class TestNeedsSettings(PipelineTests):
    pipeline = "command"
    settings = {"executable": "true"}
"""

FIXTURES = """\
pytest_plugins = ["asimov.testing.fixtures"]
from asimov.pipelines.testing import SimpleTestPipeline

class Mine(SimpleTestPipeline):
    name = "mine"

def test_real(scratch_project, add_entry_points):
    add_entry_points({"asimov.pipelines": {"mine": Mine}})
    scratch_project.add_subject("s")
    scratch_project.add_analysis("s", "a", "mine")
    assert scratch_project.run_until_idle().all_done

def test_recorded(recorded_project, recording_scheduler, clock):
    recorded_project.add_subject("s")
    recorded_project.add_analysis("s", "a", "simpletestpipeline")
    recorded_project.monitor(chain=True)
    assert recording_scheduler.submissions[0].at <= clock.now
"""


def run(text: str, folder: Path) -> str:
    path = folder / "test_mine.py"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfs", "-p", "no:cacheprovider", path],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


class TestSimple(PipelineTests):
    pipeline = SimpleTestPipeline


def test_what_does_not_hold_fails_with_its_sentence(tmp_path: Path) -> None:
    told = run(CONTRACT_TESTS, tmp_path)
    broken = set(re.findall(r"FAILED test_mine.py::(\w+)::test_contract\[([\w-]+)\]", told))
    assert ("TestMine", "logs-found") in broken, told
    assert ("TestNeedsSettings", "renders") in broken, told
    assert {name for name, _ in broken} == {"TestMine", "TestNeedsSettings"}
    assert CONTRACTS["logs-found"].sentence in told
    assert "the class is loaded already" in told


def test_fixtures_are_there_for_whoever_asks(tmp_path: Path) -> None:
    assert "2 passed" in run(FIXTURES, tmp_path)


class Configured(SimpleTestPipeline):
    name = "configured"

    def build_dag(self, dryrun: bool = False) -> None:
        if (
            self.production.workspace.project.config.get("pipelines", "environment")
            != "/opt/configured"
        ):
            raise ValueError("these are other options")
        super().build_dag(dryrun)


class TestConfigured(PipelineTests):
    pipeline = Configured
    configuration: ClassVar = {"pipelines/environment": "/opt/configured"}
