"""A project on a pool whose journal is lost: the queue and the history know its jobs."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.htcondor.project_jobs import jobs_of_project
from asimov.scheduler.jobs import Tag

pytestmark = pytest.mark.htcondor


@pytest.fixture
def root(
    pool: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asimov: Callable[..., Any]
) -> Iterator[Path]:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    made = asimov("init", "Lost", "--scheduler", "htcondor")
    assert made.code == 0, made
    yield folder
    mark = asimov("configuration", "show", "project/id").out.strip()
    subprocess.run(
        ["condor_rm", "-constraint", f'AsimovProject == "{mark}"'], check=False, capture_output=True
    )


def states(asimov: Callable[..., Any]) -> dict[str, str]:
    return {row["name"]: row["status"] for row in json.loads(asimov("status", "--json").out)}


def clusters(mark: str) -> list[str]:
    """Return the project's jobs without DAG nodes, from the queue and the history."""
    found = []
    constraint = f'AsimovProject == "{mark}" && DAGManJobId =?= undefined'
    for program in (["condor_q", "-allusers"], ["condor_history"]):
        asked = subprocess.run(
            [*program, "-constraint", constraint, "-af", "ClusterId"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found += asked.stdout.split()
    return sorted(set(found))


@pytest.mark.parametrize("left", ["run directories", "the schedd alone"])
def test_jobs_on_a_pool_are_found_again_and_not_submitted_again(
    root: Path, asimov: Callable[..., Any], left: str
) -> None:
    text = "{kind: subject, name: s}\n"
    for name, more in (("runs", ", seconds: 600"), ("ended", ""), ("later", ", needs: [runs]")):
        each = f"kind: analysis, event: s, name: {name}, pipeline: simpletestpipeline{more}"
        text += f"---\n{{{each}}}\n"
    (root / "b.yaml").write_text(text)
    assert asimov("apply", "-f", "b.yaml").code == 0
    submitted = asimov("monitor", "--chain")
    assert submitted.code == 0, submitted
    mark = asimov("configuration", "show", "project/id").out.strip()
    before = clusters(mark)
    assert len(before) == 2
    end = time.monotonic() + 300
    while not (root / "working" / "s" / "ended" / "result.txt").exists():
        assert time.monotonic() < end
        time.sleep(0.2)
    for path in (root / ".asimov").glob("journal.db*"):
        path.unlink()
    if left == "the schedd alone":
        while (root / "working" / "s" / "runs").exists():  # its DAGMan may still write there
            shutil.rmtree(root / "working" / "s" / "runs", ignore_errors=True)
        for log in (root / "working" / "s" / "ended").glob("*.log"):
            log.unlink()
    assert asimov("monitor", "--chain").code == 1
    repaired = asimov("ledger", "repair")
    assert repaired.code == 0, repaired
    assert states(asimov) == {"runs": "running", "ended": "running", "later": "wait"}
    end = time.monotonic() + 300  # the job before may have waited long for its turn
    while states(asimov)["ended"] != "uploaded":
        assert time.monotonic() < end
        passed = asimov("monitor", "--chain")
        assert passed.code == 0, passed
        time.sleep(0.3)
    assert states(asimov) == {"runs": "running", "ended": "uploaded", "later": "wait"}
    assert clusters(mark) == before


def test_every_job_of_a_project_is_listed_once(
    condor: HTCondor, project: str, tmp_path: Path
) -> None:
    submit = tmp_path / "job.sub"
    submit.write_text(f"executable = /bin/true\nlog = {tmp_path}/job.log\nqueue 2\n")
    made = []
    for number in range(2):
        with condor.tagged(Tag(project, f"s/a{number}", f"listed{number}")):
            made.append(condor.submit(submit))
    listed = jobs_of_project(condor.connection, project)
    mine = [job for job in listed if job.tag.uid.startswith("listed")]
    assert [(job.tag.analysis, job.tag.uid, job.job_id) for job in mine] == [
        ("s/a0", "listed0", made[0]),
        ("s/a1", "listed1", made[1]),
    ]
    assert all(abs(job.since - time.time()) < 3600 for job in mine)


def test_an_unreachable_schedd_stops_a_repair(root: Path, asimov: Callable[..., Any]) -> None:
    (root / "b.yaml").write_text(
        "{kind: subject, name: s}\n---\n"
        "{kind: analysis, event: s, name: a, pipeline: simpletestpipeline}\n"
    )
    assert asimov("apply", "-f", "b.yaml").code == 0
    (root / ".asimov" / "journal.db").unlink()
    assert asimov("configuration", "update", "condor/scheduler", "nobody@nowhere").code in (0, 1)
    conf = root / ".asimov" / "asimov.conf"
    if "nobody@nowhere" not in conf.read_text():
        conf.write_text(f"{conf.read_text()}\n[condor]\nscheduler = nobody@nowhere\n")
    ran = asimov("ledger", "repair")
    assert ran.code == 5, ran
    assert "running jobs could be overlooked" in ran.err
    assert not (root / ".asimov" / "journal.db").exists()
    conf.write_text(conf.read_text().replace("scheduler = nobody@nowhere\n", ""))
    assert asimov("ledger", "repair").code == 0
    assert states(asimov) == {"a": "wait"}
