"""Retries of DAGs whose programs have changed since, by the real DAGMan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.htcondor.conftest import OnAPool
from tests.lab import Lab, registering
from tests.pipeline.test_node_pipeline import ALL, Own, own_program, ran

pytestmark = [pytest.mark.htcondor, pytest.mark.long]


@pytest.fixture
def lab(on_a_pool: OnAPool, asimov: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with registering(monkeypatch) as pipelines:
        yield Lab(on_a_pool.root, asimov, pipelines)


@pytest.mark.parametrize("change", [True, False])
def test_a_retry_runs_again_what_another_program_has_made(lab: Lab, change: bool) -> None:
    (lab.root / "data").write_text("1")
    program = own_program(lab)
    lab.register("own", Own)
    (lab.root / "fail").write_text("shard-2\n")
    lab.apply("a, pipeline: own, resurrection pause: 1000000")
    while "will be submitted again" not in lab.run("status").out:
        lab.asimov("monitor", "--chain")
    (lab.root / "fail").unlink()
    if change:
        program.write_text('#!/bin/sh\n# mended\nexec /bin/sh "$@"\n')
    lab.apply("a, pipeline: own, resurrection pause: 0", update=True)
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    again = ["shard-1"] if change else []
    assert ran(lab) == sorted([*ALL, "shard-2", *again])
    assert (lab.rundir("a") / "all").read_text() == "p\n1\np\n2\np\n3\n"
    assert "program has changed" not in lab.run("status").out
