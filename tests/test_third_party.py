"""A package of its own, installed with pip, runs on both schedulers by the docs' commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "writing-a-pipeline.md").read_text()
CONSOLE = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [[line.removeprefix("$ ") for line in each.splitlines()] for each in CONSOLE]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package into a folder of its own, from a copy: building leaves files behind."""
    folder = tmp_path_factory.mktemp("third-party")
    source, target = folder / "asimov-random-walk", folder / "packages"
    shutil.copytree(ROOT / "tests" / "plugin", source)
    (command,) = COMMANDS[0]
    assert command == "pip install ./asimov-random-walk"
    options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--target", str(target)]
    pip = [sys.executable, "-m", "pip", "install", *options, "./asimov-random-walk"]
    done = subprocess.run(pip, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@dataclass
class Project:
    """A project that the docs' commands have been run in."""

    root: Path
    ran: Callable[..., Any]

    def rows(self) -> dict[str, dict[str, Any]]:
        told = json.loads(self.ran("asimov status --json").out)
        return {row["name"]: row for row in told}


@pytest.fixture
def walk(installed: Path, tmp_path: Path, shell: Callable[..., Any]) -> Callable[[str], Project]:
    """Make a project on a scheduler, and run the docs' commands in it, each on its own."""

    def run(scheduler: str) -> Project:
        def ran(command: str) -> Any:
            done = shell(command, cwd=tmp_path, PYTHONPATH=str(installed))
            assert done.code == 0, f"{command}: {done}"
            return done

        shutil.copy(ROOT / "tests" / "plugin" / "blueprint.yaml", tmp_path)
        for command in COMMANDS[1]:
            given = command.replace(" init ", f" init --scheduler {scheduler} ")
            ran(given.replace("--until-idle", "--until-idle --interval 0.5 --timeout 100"))
        return Project(tmp_path, ran)

    return run


def check(project: Project) -> None:
    rows = project.rows()
    assert {name: row["status"] for name, row in rows.items()} == {
        "first": "uploaded",
        "second": "uploaded",
    }
    assert {row["progress"] for row in rows.values()} == {"2/2"}
    results = project.root / "results" / "line"
    first, second = (
        json.loads((results / name / "summary.json").read_text()) for name in ("first", "second")
    )
    # A walk of n steps has the variance n; of 400 walkers the estimate is good to some 7 %.
    assert first["variance"] == pytest.approx(100, rel=0.25)
    ends = json.loads((results / "second" / "walks.json").read_text())
    # 100 steps of one are an even number: what is left over is where the walkers started.
    distance = ends[0] - first["mean"]
    assert distance == pytest.approx(2 * round(distance / 2))
    assert second["mean"] == pytest.approx(sum(ends) / 400)
    committed = project.ran("git -C checkouts show HEAD:line/analyses/second.ini").out
    summary = project.root / "working" / "line" / "first" / "summary.json"
    assert committed == (f"[walk]\nwalkers = 400\nsteps = 100\nseed = 2\nstart = {summary}\n")
    log = project.ran("git -C checkouts log --format=%s").out.splitlines()
    assert log == ["Build line/second", "Build line/first"]


def test_a_third_party_pipeline_runs_on_the_local_scheduler(walk: Callable[[str], Project]) -> None:
    check(walk("local"))


@pytest.mark.htcondor
def test_a_third_party_pipeline_runs_on_a_pool(
    walk: Callable[[str], Project], shell: Callable[..., Any]
) -> None:
    if not shell("condor_status -schedd -af Name").out.strip():
        text = "NO HTCONDOR POOL, NOTHING OF IT IS TESTED HERE"
        (pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip)(text)
    check(walk("htcondor"))


def test_settings_that_the_pipeline_refuses_make_its_own_analysis_stuck_and_no_other(
    installed: Path, tmp_path: Path, shell: Callable[..., Any]
) -> None:
    text = (ROOT / "tests" / "plugin" / "blueprint.yaml").read_text()
    text += "---\n{kind: analysis, name: third, event: line, pipeline: randomwalk,"
    text += " walk: {steps: 0}}\n"
    (tmp_path / "blueprint.yaml").write_text(text)
    done = shell(
        "asimov init --scheduler local X && asimov apply -f blueprint.yaml && "
        "asimov monitor --chain --until-idle --timeout 100; echo left with $?; "
        "asimov status --json > status.json",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    )
    assert "left with 3" in done.out, done
    rows = {row["name"]: row for row in json.loads((tmp_path / "status.json").read_text())}
    assert {name: row["status"] for name, row in rows.items()} == {
        "first": "uploaded", "second": "uploaded", "third": "stuck",
    }  # fmt: skip
    assert "walk: steps should be a whole number from 1" in rows["third"]["reason"]
