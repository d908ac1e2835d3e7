"""The list of workers that were tried names tests that exist, and a run says which it left out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers import not_tried, shown_by, workers

TOP = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("worker", workers(), ids=lambda worker: worker["worker"])
def test_every_test_of_a_worker_exists(worker: dict[str, object]) -> None:
    tests = shown_by(worker)
    assert tests or "not tried" in str(worker["original"])
    for test in tests:
        path, _, name = test.partition("::")
        functions = {
            each.name for each in ast.parse((TOP / path).read_text()).body
            if isinstance(each, ast.FunctionDef)
        }  # fmt: skip
        assert name.partition("[")[0] in functions, test


def test_what_was_skipped_or_left_out_is_not_tried() -> None:
    (worker, *_) = [each for each in workers() if len(shown_by(each)) > 1]
    first, second, *more = shown_by(worker)
    files = [f"{test.partition('::')[0]}::test_other" for test in shown_by(worker)]
    assert not_tried([], []) == {}  # no file of a worker was part of it
    missed = not_tried([f"{first}[local]", *more], files)
    assert missed[worker["worker"]] == [second]


def test_a_run_tells_which_workers_it_has_not_tried() -> None:
    file = "tests/pipelines/container/test_runtimes.py"
    test = f"{file}::test_docker_runs_as_the_user_without_the_entry_point_of_the_image"
    assert any(test in shown_by(worker) for worker in workers())
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", file,
         "--deselect", test],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    _, _, told = ran.stdout.partition("workers that were not tried")
    assert test in told
    assert told.count("::test_") == 1
