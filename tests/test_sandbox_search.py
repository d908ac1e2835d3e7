"""No expression of a project's template leads to code, whatever it is put together from."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LEDGER = """
kind: subject
name: s
interferometers: [H1, L1]
event time: 1126259462.4
priors: {default: P, mass 1: {minimum: 1, maximum: 2}}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline, comment: x}
---
kind: analysis
event: s
name: b
pipeline: command
executable: sh
outputs: {o: o}
needs: [a]
review: {status: approved, messages: [{message: good, timestamp: "2026-01-01T00:00:00Z"}]}
"""


@pytest.fixture
def search(project: Path, asimov: Callable[..., Any]) -> Callable[..., Any]:
    (project / "b.yaml").write_text(LEDGER)
    assert asimov("apply", "-f", "b.yaml").code == 0
    seed = int(os.environ.get("ASIMOV_TEST_SEED", random.randrange(10**6)))

    def run(dialect: str, kind: str, seconds: float) -> Any:
        print(f"ASIMOV_TEST_SEED={seed}")
        given = [str(project), dialect, kind, str(seed), str(seconds)]
        return subprocess.run(
            [sys.executable, "-m", "tests.sandbox_search", *given],
            cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("dialect", ["jinja", "liquid"])
def test_nothing_leads_out_of_the_sandbox(search: Callable[..., Any], dialect: str) -> None:
    done = search(dialect, "data", 4)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    tried = int(done.stdout.split()[0])
    assert tried > 100, done.stdout


def test_the_search_finds_a_way_out_where_there_is_one(search: Callable[..., Any]) -> None:
    done = search("jinja", "code", 4)
    assert done.returncode > 0, done
    assert "production: reaches a asimov." in done.stdout
