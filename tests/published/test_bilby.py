"""bilby_pipe's own pipeline, from its blueprint to its result file."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.published.conftest import Place

pytestmark = pytest.mark.usefixtures("pool")


@pytest.fixture
def bilby(place: Callable[..., Place]) -> Place:
    made = place("bilby")
    made.apply("bilby.yaml")
    return made


def asked(prefix: Path, expression: str) -> Any:
    """Return what an expression about bilby comes to, in the environment that has it."""
    done = subprocess.run(
        [prefix / "bin" / "python", "-c", f"import bilby, json; print(json.dumps({expression}))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def test_bilby_runs_on_a_pool_to_its_result_file(bilby: Place) -> None:
    bilby.run("manage", "build")
    ini = bilby.root / "checkouts/S000000a/analyses/cheap.ini"
    configuration = ini.read_text()
    # What older blueprints have under `quality` is where its template looks for it.
    assert "minimum-frequency={ H1:20,L1:20, }" in configuration
    assert "sampler-kwargs={'nlive': 20, 'dlogz': 5" in configuration
    assert re.search(r"mass_ratio = DeltaFunction\(.*peak=0\.9\)", configuration)

    run_directory = bilby.root / "working/S000000a/cheap"
    dry = bilby.run("manage", "submit", "--dryrun").out
    assert f"bilby_pipe {ini} --label cheap --outdir {run_directory}" in dry
    assert "condor_submit_dag -batch-name bilby/S000000a/cheap" in dry
    assert not run_directory.exists()
    assert (bilby.states(), bilby.clusters()) == ({"cheap": "ready"}, 0)

    bilby.run("manage", "submit")
    assert bilby.states() == {"cheap": "running"}
    assert (run_directory / "submit/dag_cheap.submit").exists()
    assert not list(run_directory.parent.glob("cheap_*"))  # bilby_pipe makes that of one it finds

    bilby.monitor(until={"cheap": "uploaded"})
    (result,) = (run_directory / "final_result").glob("*.hdf5")
    parameters = asked(bilby.prefix, f"[*bilby.result.read_in_result({str(result)!r}).posterior]")
    assert {"luminosity_distance", "phase", "mass_ratio"} <= set(parameters)

    # What its collect_assets names, the samples and the configuration, is in the store as it was.
    store = bilby.root / "results/S000000a/cheap"
    stored = json.loads((store / "manifest.json").read_text())
    record = "asimov-provenance.json"
    assert set(stored) == {f"final_result/{result.name}", "cheap.ini", record}
    assert json.loads((store / record).read_text())["analysis"] == "S000000a/cheap"
    for name, original in {f"final_result/{result.name}": result, "cheap.ini": ini}.items():
        assert (store / name).read_bytes() == original.read_bytes()
    assert bilby.clusters() == 1


def test_a_job_of_bilbys_is_found_after_a_kill_right_behind_condor_submit_dag(
    bilby: Place, tmp_path: Path
) -> None:
    bilby.run("manage", "build")
    # bilby_pipe starts condor_submit_dag: what started it dies once the job is in the queue.
    programs = tmp_path / "programs"
    programs.mkdir()
    deadly = programs / "condor_submit_dag"
    deadly.write_text(
        f'#!/bin/sh\nPATH=${{PATH#{programs}:}}\ncondor_submit_dag "$@"\nkill -KILL $PPID\n'
    )
    deadly.chmod(0o755)
    bilby.run("manage", "submit", code=-9, path=programs)
    assert bilby.clusters() == 1

    bilby.run("monitor")
    row = bilby.rows()["cheap"]
    assert (row["status"], bilby.clusters()) == ("running", 1)
    assert "was found by its tag" in row["reason"]
    bilby.run("manage", "submit")  # nothing is left to submit
    assert bilby.clusters() == 1
