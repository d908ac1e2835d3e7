"""The list of workers that were tried, and which of them a run of the tests has not tried."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

#: The list; docs/workers.md is made of it.
FILE = Path(__file__).parent / "workers.yaml"


def workers() -> list[dict[str, Any]]:
    """Return the list."""
    return list(yaml.safe_load(FILE.read_text()))


def shown_by(worker: dict[str, Any]) -> list[str]:
    """Return the tests of a worker, as pytest names them; without parameters all of these count."""
    named = [test for tests in worker["here"].values() for test in tests]
    return [*named, *([worker["original"]["test"]] if "test" in worker["original"] else [])]


def not_tried(passed: Iterable[str], ended: Iterable[str]) -> dict[str, list[str]]:
    """Return the workers that a run has not tried, each with its tests that did not pass.

    Parameters
    ----------
    passed
        The tests that passed.
    ended
        All tests that passed, failed or were skipped. Files without any were not part of the run.
    """
    good = {each for test in passed for each in (test, test.partition("[")[0])}
    files = {test.partition("::")[0] for test in ended}
    missed = {
        worker["worker"]: [
            test for test in shown_by(worker)
            if test.partition("::")[0] in files and test not in good
        ]
        for worker in workers()
    }  # fmt: skip
    return {worker: tests for worker, tests in missed.items() if tests}
