"""The published phases of `attpc_spyral`, unmodified, in shards on the pool."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.published.conftest import BLUEPRINTS, Place
from tests.published.detector_runs import pads_of, write_run

pytestmark = pytest.mark.usefixtures("pool")
RUNS = (1, 2, 3, 5, 7)
#: Scripts that run a package's own program.
ORIGINALS = Path(__file__).parent / "originals"


@pytest.fixture
def spyral(place: Callable[..., Place]) -> Place:
    """A project with five synthetic runs, and two phases of its own beside the ledger."""
    made = place("spyral")
    shutil.copy(Path(__file__).parent / "packages" / "spyral_own.py", made.root)
    pads = pads_of(next(made.prefix.glob("lib/python3*/site-packages/spyral/data/padxy.csv")))
    for run in RUNS:
        write_run(made.root / "traces" / f"run_{run:04d}.h5", pads, 2 + run, run)
    made.apply("spyral.yaml")
    return made


def analysis(place: Place, name: str, **settings: object) -> None:
    each = {"kind": "analysis", "name": name, "subject": "argon", "pipeline": "phases", **settings}
    place.write(json.dumps(each))
    place.run("apply", "-f", "blueprint.yaml", "--update")


def workspace(place: Place, name: str) -> Path:
    return place.root / "working" / "argon" / name / "workspace"


def rows(place: Place, name: str) -> dict[str, object]:
    """Return the rows of every estimate and every count, by file."""
    program = (
        "import glob, json, polars; print(json.dumps({p: polars.read_parquet(p).rows()"
        " for p in sorted(glob.glob('Estimation/*.parquet'))}))"
    )
    done = subprocess.run(
        [place.prefix / "bin/python", "-c", program],
        cwd=workspace(place, name), capture_output=True, text=True, check=True,
    )  # fmt: skip
    counts = sorted((workspace(place, name) / "Count").glob("*.txt"))
    return json.loads(done.stdout) | {each.name: each.read_text() for each in counts}


def test_rows_are_identical_in_any_number_of_shards_and_only_active_phases_run_again(
    spyral: Place,
) -> None:
    for shards in (1, 2, 5):
        analysis(spyral, f"in-{shards}", shards=shards)
    spyral.monitor("--chain", until={f"in-{n}": "uploaded" for n in (1, 2, 5)})
    first = rows(spyral, "in-1")
    assert len(first) == 2 * len(RUNS)
    # Every generated particle is found again.
    for run in RUNS:
        assert len(first[f"Estimation/run_{run:04d}.parquet"]) >= 1  # type: ignore[arg-type]
        assert int(str(first[f"run_{run:04d}.txt"]).split()[0]) == 2 + run
    assert rows(spyral, "in-2") == first
    assert rows(spyral, "in-5") == first

    made = sorted(workspace(spyral, "in-2").rglob("*.h5")) + sorted(
        workspace(spyral, "in-2").rglob("*.parquet")
    )
    times = {path: path.stat().st_mtime_ns for path in made}
    text = (BLUEPRINTS / "spyral.yaml").read_text()
    switched = text.replace("\n    - phase: spyral", "\n    - active: false\n      phase: spyral")
    head, _, tail = switched.rpartition("- active: false\n      phase: ")
    spyral.write(f"{head}- phase: {tail}")
    spyral.run("apply", "-f", "blueprint.yaml", "--update")
    spyral.run("production", "set", "argon", "in-2", "--status", "restart")
    spyral.monitor("--chain", until={"in-2": "running"})
    spyral.monitor("--chain", until={"in-2": "uploaded"})
    assert {path: path.stat().st_mtime_ns for path in made} == times
    again = rows(spyral, "in-2")
    assert again["run_0003.txt"] != first["run_0003.txt"]  # its first numbers are others now
    assert str(again["run_0003.txt"]).split()[0] == "5"


def test_a_run_that_fails_is_named_and_alone_runs_again(spyral: Place) -> None:
    good = (spyral.root / "traces/run_0003.h5").read_bytes()
    (spyral.root / "traces/run_0003.h5").write_bytes(good[: len(good) // 2])
    analysis(spyral, "broken", shards=2)
    end = time.monotonic() + 900
    while spyral.states() != {"broken": "stuck"}:
        subprocess.run(
            [spyral.prefix / "bin/asimov", "monitor", "--chain"], cwd=spyral.root, check=False,
            capture_output=True,
        )  # fmt: skip
        assert time.monotonic() < end, spyral.log()
        time.sleep(1)
    reason = str(spyral.rows()["broken"]["reason"])
    assert "run 3 missing" in reason
    assert "error: run 3: Pointcloud: OSError" in reason
    log = spyral.run("log", "argon", "broken").out + spyral.run("why", "argon", "broken").out
    assert "Traceback (most recent call last):" in log
    counted = workspace(spyral, "broken") / "Count"
    times = {path: path.stat().st_mtime_ns for path in sorted(counted.iterdir())}
    assert [path.stem for path in times] == ["run_0001", "run_0002", "run_0005", "run_0007"]
    (spyral.root / "traces/run_0003.h5").write_bytes(good)
    spyral.run("production", "set", "argon", "broken", "--status", "restart")
    spyral.monitor("--chain", until={"broken": "uploaded"})
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert (counted / "run_0003.txt").read_text().startswith("5 ")


def test_a_shard_that_is_killed_goes_on_where_it_was(spyral: Place) -> None:
    analysis(spyral, "whole")
    analysis(spyral, "killed")
    folder = spyral.root / "working" / "argon" / "killed"
    end = time.monotonic() + 600
    while not (folder / "runs").is_dir():
        spyral.run("monitor", "--chain")
        assert time.monotonic() < end, spyral.log()
    # A pass may take as long as the runs that are left.
    while len(list((folder / "runs").iterdir())) < 2 or not (workers := processes(folder)):
        assert time.monotonic() < end, spyral.log()
        time.sleep(0.02)
    (worker,) = workers
    os.kill(worker, signal.SIGKILL)
    spyral.monitor("--chain", until={"whole": "uploaded", "killed": "uploaded"})
    assert rows(spyral, "killed") == rows(spyral, "whole")


def test_its_own_program_gives_the_same_rows(spyral: Place) -> None:
    """Its own `start_pipeline`, the same script with ours, and an analysis on the pool."""
    described = yaml.safe_load((BLUEPRINTS / "spyral.yaml").read_text().partition("\n---\n")[0])
    phases = described["pipelines"]["phases"]["phases"]
    own = [each for each in phases if each["phase"].startswith("spyral:")]
    assert len(own) == 3
    analysis(spyral, "own", phases=own, runs="1, 3", shards=2)
    spyral.run("monitor", "--chain")
    programs = ("spyral", "asimov.phases")
    script = [spyral.prefix / "bin/python", ORIGINALS / "spyral_script.py"]
    scripts = [
        subprocess.Popen(
            [*script, each, BLUEPRINTS / "spyral.yaml", "traces", f"space-{each}"],
            cwd=spyral.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for each in programs
    ]  # fmt: skip
    for each in scripts:
        _, said = each.communicate(timeout=1200)
        assert each.returncode == 0, said
    spyral.monitor("--chain", until={"own": "uploaded"})

    theirs, with_ours = (contents(spyral, spyral.root / f"space-{each}") for each in programs)
    assert len([rows for name, rows in theirs.items() if name.endswith(".parquet") and rows]) == 2
    assert len(theirs) == 2 * 4  # the first phase writes two files a run
    assert with_ours == theirs
    assert contents(spyral, workspace(spyral, "own")) == theirs
    for each in programs:  # both deal the runs in the same way
        log = spyral.root / f"space-{each}" / "log/log_procParent.txt"
        assert "Run stacks: [[3], [1]]" in log.read_text()


def contents(place: Place, folder: Path) -> dict[str, Any]:
    """Return what the files of runs in a workspace contain, by their paths in it."""
    done = subprocess.run(
        [place.prefix / "bin/python", ORIGINALS / "contents.py", folder],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def processes(folder: Path) -> list[int]:
    """Return the processes that run a shard in a folder, without those that they started."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
            if b"shard" in words and (each / "cwd").resolve() == folder:
                found.append(int(each.name))
        except OSError:
            continue
    return found
