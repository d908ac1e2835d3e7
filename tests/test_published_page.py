"""The page of published packages is as tools/try-published writes it, and lists all of them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "published-pipelines.md"
REQUIREMENTS = TOP / "tests" / "published" / "requirements"


@pytest.fixture(scope="module")
def trials() -> Iterator[ModuleType]:
    """What the script tries, and how it writes the page."""
    spec = importlib.util.spec_from_file_location("trials", TOP / "tools" / "trials.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["trials"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["trials"]


def rows() -> list[list[str]]:
    """Return the cells of the page's table, its head first."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [line.strip("| ").split(" | ") for line in lines]


def test_the_page_has_the_rows_that_the_script_writes(trials: ModuleType) -> None:
    head, _, *told = rows()
    assert tuple(head) == trials.HEADS
    wanted = [(trial, side) for trial in trials.TRIALS for side in trials.SIDES]
    assert len(told) == len(wanted)
    first = len(head) - len(trials.STEPS) - 2
    for (trial, side), cells in zip(wanted, told, strict=True):
        *steps, stored, jobs = cells[first:]
        assert {*steps, stored} <= {"yes", "no", "-"}
        came = trials.Outcome(dict(zip(trials.STEPS, steps, strict=True)), stored, jobs)
        assert trials.row(trial, cells[1], side, came) == cells


def test_the_page_tells_why_of_every_step_that_is_not_reached(trials: ModuleType) -> None:
    notes = PAGE.read_text().split("## What went wrong")[1]
    for cells in rows()[2:]:
        if "no" in cells[5:9]:
            step = trials.STEPS[cells[5:9].index("no")].removesuffix("s")
            assert f"- {cells[2]} of {cells[0]}, {cells[4]}, does not {step}: " in notes, cells


def test_every_published_package_is_on_the_page_in_the_version_that_is_tried(
    trials: ModuleType,
) -> None:
    versions = {cells[0].lower(): cells[1] for cells in rows()[2:]}
    # Packages of workers have no pipelines of their own.
    files = [path for path in REQUIREMENTS.rglob("*.txt") if path.parent.name != "workers"]
    environments = {path.stem: path.read_text() for path in files}
    assert {trial.environment for trial in trials.TRIALS} == set(environments)
    for trial in trials.TRIALS:
        pin = rf"^(?:--no-deps )?{trial.package}(?:\[\w+\])?==(\S+)$"
        asked = re.search(pin, environments[trial.environment], re.M | re.I)
        assert asked, trial
        assert versions[trial.package.lower()] == asked[1]


def test_a_trial_that_stops_short_is_told_with_its_reason(trials: ModuleType) -> None:
    trial = trials.Trial("some", "some-package", "some", ("one",), program="run", standin="is new")
    good = trials.Outcome(dict.fromkeys(trials.STEPS, "yes"), "yes", "1")
    steps = {"loads": "yes", "builds": "yes", "submits": "no", "completes": "no"}
    bad = trials.Outcome(steps, "no", "0", "ValueError: no luck")
    text = trials.page([(trial, "1.0", {"here": good, "0.8.0": bad})], "a system", "2000-01-01")
    assert "| 1.0 | `some` | `run`\\* | here | yes | yes | yes | yes | yes | 1 |\n" in text
    assert "- `some` of some-package, 0.8.0, does not submit: ValueError: no luck\n" in text
    assert "- `run` is new.\n" in text


def test_the_page_has_no_path_of_the_machine_that_made_it() -> None:
    assert not re.search(r"(?<![\w.<])/(tmp|home|root|usr|var|opt|work)\b", PAGE.read_text())


def test_the_page_is_found_from_the_documentation() -> None:
    for page in ("mkdocs.yml", "docs/index.md", "docs/porting-a-pipeline.md"):
        assert "published-pipelines.md" in (TOP / page).read_text(), page
