"""Jobs of an imported project are adopted by cluster id, and only where they run says whose."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from asimov.scheduler.htcondor import HTCondor
from tests.htcondor.conftest import OnAPool

pytestmark = pytest.mark.htcondor

JOB = """
executable = /bin/sh
arguments = "-c 'while [ ! -e end ]; do sleep 0.2; done; echo ok > result.txt'"
initialdir = {folder}
log = job.log
should_transfer_files = no
{more}
queue
"""


def submitted(folder: Path, more: str = "") -> int:
    """Submit a job as the older program's pipelines do: without any tag."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "job.sub"
    file.write_text(JOB.format(folder=folder, more=more))
    done = subprocess.run(
        ["condor_submit", str(file)], check=True, capture_output=True, text=True, cwd=folder
    )
    return int(re.search(r"cluster (\d+)", done.stdout)[1])  # type: ignore[index]


@pytest.fixture
def jobs() -> Iterator[list[int]]:
    made: list[int] = []
    yield made
    subprocess.run(["condor_rm", *map(str, made)], check=False, capture_output=True)


def test_only_a_job_in_the_run_directory_is_adopted_and_then_followed_to_its_end(
    on_a_pool: OnAPool, condor: HTCondor, tmp_path: Path, jobs: list[int]
) -> None:
    old = tmp_path / "old"
    rundirs = {name: old / "working" / "s" / name for name in ("mine", "ended", "other", "gone")}
    for rundir in rundirs.values():
        rundir.mkdir(parents=True)
        (rundir / "job.sub").touch()
    (rundirs["ended"] / "end").touch()
    numbers = {name: submitted(rundirs[name]) for name in ("mine", "ended")}
    numbers["other"] = submitted(tmp_path / "elsewhere", "hold = true")
    jobs += numbers.values()
    numbers["gone"] = 2**30
    log = rundirs["ended"] / "job.log"
    end = time.monotonic() + 240
    while "005 (" not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)
    (old / ".asimov").mkdir()
    (old / ".asimov" / "asimov.conf").write_text(
        "[ledger]\nengine = yamlfile\nlocation = .asimov/ledger.yml\n[scheduler]\ntype = htcondor\n"
    )
    analyses = [
        {
            name: {
                "pipeline": "simpletestpipeline",
                "status": "running",
                "rundir": f"working/s/{name}",
                "job id": number,
                "scheduler": {"job id": number},
            }
        }
        for name, number in numbers.items()
    ]
    ledger = {"asimov": {"version": "0.8.0"}, "events": [{"name": "s", "productions": analyses}]}
    (old / ".asimov" / "ledger.yml").write_text(yaml.dump(ledger))

    said = on_a_pool.run("ledger", "import", old).out
    assert f"s/mine: job {numbers['mine']} in {rundirs['mine']}" in said
    assert f"job {numbers['other']} runs in another folder" in said
    assert f"no longer knows its job {numbers['gone']}" in said
    states = {"s/mine": "running", "s/ended": "running", "s/other": "stuck", "s/gone": "stuck"}
    assert on_a_pool.states() == states
    on_a_pool.run("monitor")
    assert on_a_pool.states()["s/mine"] == "running"
    assert on_a_pool.states()["s/ended"] in {"finished", "uploaded"}
    (rundirs["mine"] / "end").touch()
    end = time.monotonic() + 240
    while on_a_pool.states()["s/mine"] == "running":
        assert time.monotonic() < end
        on_a_pool.run("monitor")
        time.sleep(0.5)
    assert on_a_pool.states()["s/mine"] in {"finished", "uploaded"}
    assert on_a_pool.states()["s/other"] == "stuck"


def test_a_job_of_another_project_is_not_adopted(
    condor: HTCondor, tmp_path: Path, jobs: list[int]
) -> None:
    tagged = submitted(tmp_path / "a", 'hold = true\n+AsimovUID = "other"')
    plain = submitted(tmp_path / "b", "hold = true")
    jobs += [tagged, plain]
    found = condor.whereabouts([tagged, plain, 2**30])
    assert found.keys() == {tagged, plain}
    assert (found[tagged].tagged, found[plain].tagged) == (True, False)
    assert found[plain].folders == (str(tmp_path / "b"),)
    assert found[plain].logs == (str(tmp_path / "b" / "job.log"),)
    assert found[plain].queued
