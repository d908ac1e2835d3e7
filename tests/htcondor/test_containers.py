"""Containers on a pool: a general command, a plugin of SPT, and HTCondor's own runtime."""

from __future__ import annotations

import csv
import json
import subprocess
from typing import Any

import pytest

from asimov.project.workspace import Workspace
from tests import containers
from tests.containers import with_runtimes
from tests.htcondor.conftest import OnAPool

__all__ = ["with_runtimes"]

pytestmark = [pytest.mark.htcondor, pytest.mark.usefixtures("pool", "with_runtimes")]

pytest.importorskip("h5py")


def documents(*analyses: dict[str, Any]) -> str:
    base = {
        "kind": "analysis", "subject": "s", "pipeline": "container",
        "image": str(containers.image()),
    }  # fmt: skip
    every = [{"kind": "subject", "name": "s"}, *({**base, **each} for each in analyses)]
    return "\n---\n".join(map(json.dumps, every))


@pytest.mark.parametrize("runtime", ["bubblewrap", "charliecloud"])
def test_graphs_are_made_and_trained_on(on_a_pool: OnAPool, runtime: str) -> None:
    on_a_pool.apply(
        documents(
            {"name": "graphs", "runtime": runtime, "outputs": {"graphs": "graphs"},
             "command": ["generate-graphs", "graphs", "--cells", 148]},
            {"name": "train", "runtime": runtime, "contract": "spt", "needs": ["graphs"],
             "input": "{{ assets.graphs }}", "seed": 3},
        )
    )  # fmt: skip
    on_a_pool.finish()
    assert set(on_a_pool.states().values()) == {"uploaded"}
    results = on_a_pool.root / "results" / "s" / "train"
    with (results / "ranks.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 148
    settings = json.loads((results / "output" / "model" / "settings.json").read_text())
    assert settings["random_seed"] == "3"


def test_a_faulty_result_is_told_with_its_line(on_a_pool: OnAPool) -> None:
    train = 'for o; do :; done; echo histological_structure,weight > "$o"/importances.csv'
    image = containers.altered(on_a_pool.root / "faulty", {"spt-plugin-train-on-graphs": train})
    on_a_pool.apply(
        documents(
            {"name": "graphs", "command": "generate-graphs graphs", "outputs": {"graphs": "graphs"},
             "runtime": "bubblewrap"},
            {"name": "train", "contract": "spt", "needs": ["graphs"], "image": str(image),
             "input": "{{ assets.graphs }}", "runtime": "bubblewrap"},
        )
    )  # fmt: skip
    on_a_pool.finish(3)
    assert on_a_pool.states() == {"s/graphs": "uploaded", "s/train": "stuck"}
    why = on_a_pool.run("why", "s", "train").out
    assert "its products are not what its pipeline declares" in why
    assert "output/importances.csv:1: the header should be" in why


def test_a_pool_without_containers_is_not_chosen_unasked(on_a_pool: OnAPool) -> None:
    on_a_pool.apply(documents({"name": "a", "command": "touch out", "outputs": {"out": "out"}}))
    on_a_pool.finish()
    text = (on_a_pool.root / "working/s/a/job.sub").read_text()
    assert "ch-run" in text
    assert "container_image" not in text


def test_htcondor_s_own_runtime_gets_the_image_and_transfers_files(on_a_pool: OnAPool) -> None:
    (on_a_pool.root / "in.csv").write_text("1\n")
    on_a_pool.apply(
        documents(
            {"name": "a", "command": ["cat", "in.csv"], "outputs": {"out": "job.out"},
             "image": "docker://debian:stable-slim", "runtime": "htcondor", "gpus": 1}
        )
    )  # fmt: skip
    on_a_pool.run("manage", "build", "submit")
    lines = (on_a_pool.root / "working/s/a/job.sub").read_text().splitlines()
    assert "universe = container" in lines
    assert "container_image = docker://debian:stable-slim" in lines
    assert "request_gpus = 1" in lines
    assert "should_transfer_files = YES" in lines
    assert f"transfer_input_files = {on_a_pool.root / 'in.csv'}" in lines
    assert 'arguments = "cat ../in.csv"' in lines
    on_a_pool.run("production", "set", "s", "a", "--status", "cancelled")
    on_a_pool.run("monitor")


def test_whether_slots_run_containers_is_asked_of_the_pool(on_a_pool: OnAPool) -> None:
    """This pool has neither Docker nor Apptainer, so no slot has ``HasContainer``."""
    asked = subprocess.run(
        ["condor_status", "-constraint", "HasContainer =?= true", "-af", "Name"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    workspace = Workspace.open(on_a_pool.root)
    assert workspace.scheduler().runs_containers() is bool(asked.stdout.strip())
