"""A package of its own, installed with pip, runs on both schedulers: one job, and a DAG."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asimov.plugins.catalogue.scaffold import write_package

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "writing-a-pipeline.md").read_text()
NAME = "asimov_mypipeline/sorted.py"
#: The page's second pipeline, which submits a DAG.
SORTED = re.findall(rf"^`{NAME}`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
POINT = '[project.entry-points."asimov.pipelines"]\n'
#: What the package's own blueprint does not have.
THIRD = """
---
kind: analysis
name: third
subject: line
pipeline: sortedwalk
needs: [second]
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the package with both of the page's pipelines; install it into a folder of its own."""
    folder = tmp_path_factory.mktemp("third-party")
    package = write_package("mypipeline", "simple", folder).folder
    (package / NAME).write_text(SORTED[0])
    metadata = (package / "pyproject.toml").read_text()
    line = 'sortedwalk = "asimov_mypipeline.sorted:SortedWalk"\n'
    assert POINT in metadata
    (package / "pyproject.toml").write_text(metadata.replace(POINT, POINT + line))
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", folder / "packages"]
    done = subprocess.run([*pip, package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    blueprint = (package / "blueprint.yaml").read_text().rstrip()
    (folder / "packages" / "blueprint.yaml").write_text(blueprint + THIRD)
    return folder / "packages"


@dataclass
class Project:
    """A project in which the package's blueprint has been run."""

    root: Path
    ran: Callable[..., Any]

    def rows(self) -> dict[str, dict[str, Any]]:
        told = json.loads(self.ran("asimov status --json").out)
        return {row["name"]: row for row in told}


@pytest.fixture
def walk(
    installed: Path, tmp_path: Path, quick_shell: Callable[..., Any]
) -> Callable[[str], Project]:
    """Make a project on a scheduler and run everything in it, each command on its own."""

    def run(scheduler: str) -> Project:
        def ran(command: str) -> Any:
            done = quick_shell(command, cwd=tmp_path, PYTHONPATH=str(installed))
            assert done.code == 0, f"{command}: {done}"
            return done

        ran(f"asimov init --scheduler {scheduler} 'Random walks'")
        ran(f"asimov apply -f {installed}/blueprint.yaml")
        ran("asimov manage build submit")
        ran("asimov monitor --chain --until-idle --interval 0.5 --timeout 200")
        return Project(tmp_path, ran)

    return run


def check(project: Project) -> None:
    rows = project.rows()
    assert {row["status"] for row in rows.values()} == {"uploaded"}
    assert rows["third"]["progress"] == "2/2"
    results = project.root / "results" / "line"
    first, second, third = (
        json.loads((results / name / "summary.json").read_text())
        for name in ("first", "second", "third")
    )
    # A walk of n steps has the variance n; of 400 walkers the estimate is good to some 7 %.
    assert first["variance"] == pytest.approx(100, rel=0.25)
    ends = [float(line) for line in (results / "second" / "ends.txt").read_text().split()]
    # 100 steps of one are an even number: what is left over is where the walkers started.
    distance = ends[0] - first["mean"]
    assert distance == pytest.approx(2 * round(distance / 2))
    assert second["mean"] == pytest.approx(sum(ends) / 400)
    ends = [float(line) for line in (results / "third" / "ends.txt").read_text().split()]
    in_order = [float(line) for line in (results / "third" / "sorted.txt").read_text().split()]
    assert in_order == sorted(ends)
    assert third["mean"] == pytest.approx(sum(in_order) / 400)
    committed = project.ran("git -C checkouts show HEAD~1:line/analyses/second.ini").out
    summary = project.root / "working" / "line" / "first" / "summary.json"
    assert committed == (f"[walk]\nwalkers = 400\nsteps = 100\nseed = 2\nstart = {summary}\n")
    log = project.ran("git -C checkouts log --format=%s").out.splitlines()
    assert log == ["Build line/third", "Build line/second", "Build line/first"]


def test_a_third_party_pipeline_runs_on_the_local_scheduler(walk: Callable[[str], Project]) -> None:
    check(walk("local"))


@pytest.mark.htcondor
def test_a_third_party_pipeline_runs_on_a_pool(
    walk: Callable[[str], Project], quick_shell: Callable[..., Any]
) -> None:
    if not quick_shell("condor_status -schedd -af Name").out.strip():
        text = "NO HTCONDOR POOL, NOTHING OF IT IS TESTED HERE"
        (pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip)(text)
    check(walk("htcondor"))


def test_settings_that_are_wrong_only_where_it_is_built_make_no_other_analysis_wait(
    installed: Path, tmp_path: Path, quick_shell: Callable[..., Any]
) -> None:
    ledger = tmp_path / "ledger" / "subjects" / "line.yaml"
    done = quick_shell(
        f"asimov init --scheduler local X && asimov apply -f {installed}/blueprint.yaml",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    )
    assert done.code == 0, done
    # By hand, past what 'asimov apply' would refuse.
    text = ledger.read_text()
    assert text.count("name: second\n") == 1
    ledger.write_text(text.replace("name: second\n", "name: second\n  steps: 0\n"))
    done = quick_shell(
        "asimov monitor --chain --until-idle --timeout 250; echo left with $?; "
        "asimov status --json > status.json",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    )
    assert "left with 3" in done.out, done
    rows = {row["name"]: row for row in json.loads((tmp_path / "status.json").read_text())}
    assert rows["first"]["status"] == "uploaded"
    assert rows["second"]["status"] != "uploaded"
    assert "steps: should be a whole number of at least 1" in str(rows["second"]), rows
