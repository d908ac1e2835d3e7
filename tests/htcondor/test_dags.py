"""DAGs on the real pool."""

from __future__ import annotations

import os
import subprocess
import time
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import Tag
from asimov.scheduler.observations import JobState, Present, Progress

pytestmark = pytest.mark.htcondor

_UID = "_CONDOR_AsimovUID"
_NODE = ["AsimovUID", "AsimovProject", "AcctGroup", "AcctGroupUser", "DAGNodeName", "ExitCode"]


def _dag(folder: Path, **scripts: str) -> Path:
    """Write a DAG of nodes one after the other."""
    lines = []
    for name, script in scripts.items():
        (folder / f"{name}.sh").write_text(f"#!/bin/sh\n{script}\n")
        (folder / f"{name}.sh").chmod(0o755)
        (folder / f"{name}.sub").write_text(f"executable = {name}.sh\nlog = nodes.log\nqueue\n")
        lines.append(f"JOB {name} {name}.sub\n")
    names = list(scripts)
    lines += [f"PARENT {a} CHILD {b}\n" for a, b in pairwise(names)]
    path = folder / "x.dag"
    path.write_text("".join(lines))
    return path


def _nodes(condor: HTCondor, number: int) -> dict[str, Any]:
    """Return the nodes of a DAG once all of them have left the queue."""
    wanted, end = f"DAGManJobId == {number}", time.monotonic() + 240
    while condor.connection.queue(wanted, ["ClusterId"]):
        assert time.monotonic() < end
        time.sleep(0.1)
    ads = condor.connection.history(wanted, _NODE, None)
    return {ad["DAGNodeName"]: ad for ad in ads}


def test_a_dag_and_its_nodes_carry_tag_and_accounting(
    pool: None,
    condor: HTCondor,
    ask: Any,
    project: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    config = ConfigParser()
    config.read_dict(
        {
            "project": {"id": project},
            "condor": {"user": "alice", "accounting group": "group.a", "requirements": "Cpus > 0"},
        }
    )
    configured = HTCondor.from_project(tmp_path, config)
    tag = Tag(project, 'subject/it\'s "50%" $(x)', "dag-" + project)
    before = dict(os.environ)
    with configured.tagged(tag):
        number = configured.submit_dag(_dag(tmp_path, first="exit 0", second="sleep 1"))
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")
    top = ["AsimovAnalysis", "AsimovUID", "AcctGroup", "AcctGroupUser", "JobBatchName"]
    [ad] = condor.connection.queue(f"ClusterId == {number}", top)
    assert [ad[key] for key in top] == [
        tag.analysis,
        tag.uid,
        "group.a",
        "alice",
        tag.analysis.replace('"', "'"),
    ]
    present = ask.until(lambda a: a.progress is not None, tag.uid)
    assert isinstance(present, Present)
    assert (present.job_id, present.state, present.progress.total) == (
        number,
        JobState.RUNNING,
        2,
    )
    end = ask.left(tag.uid, number)
    assert end.exit_code == 0
    assert end.progress == Progress(total=2, done=2)
    logged = ask.end(tag.uid, None, tmp_path / "x.dag.dagman.log", tmp_path / "nodes.log")
    assert (logged.job_id, logged.exit_code, logged.evidence) == (number, 0, "event log")
    assert logged.progress == end.progress
    nodes = _nodes(condor, number)
    assert nodes.keys() == {"first", "second"}
    for node in nodes.values():
        assert (node["AsimovUID"], node["AsimovProject"]) == (tag.uid, project)
        assert (node["AcctGroup"], node["AcctGroupUser"]) == ("group.a", "alice")
    required = 'regexp("Cpus > 0", unparse(Requirements))'
    constraint = f"DAGManJobId == {number} && {required}"
    assert len(condor.connection.history(constraint, ["ClusterId"], None)) == 2


def test_a_failed_dag_goes_on_from_its_rescue_file(
    condor: HTCondor, ask: Any, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dag = _dag(tmp_path, good="date >> ran", bad="test -e mended", last="exit 0")
    tag = Tag(project, "subject/failing", "failing-" + project)
    with condor.tagged(tag):
        number = condor.submit_dag("x.dag")
    for logs in ([], [tmp_path / "x.dag.dagman.log"]):
        end = ask.end(tag.uid, number, *logs)
        assert (end.exit_code, end.removed) == (1, False)
        assert end.progress.total == 3 and end.progress.done == 1 and end.progress.failed == 1
        assert end.reason == "1 of 3 failed"
    assert Path("x.dag.rescue001").exists()
    Path("mended").touch()
    with condor.tagged(Tag(project, "subject/failing", "again-" + project)):
        again = condor.submit_dag(dag)
    end = ask.end("again-" + project, again)
    assert (end.exit_code, end.progress) == (0, Progress(total=3, done=3))
    logged = ask.end("again-" + project, again, tmp_path / "x.dag.dagman.log")
    assert (logged.exit_code, logged.progress) == (0, end.progress)
    assert _nodes(condor, again).keys() == {"bad", "last"}
    assert len(Path("ran").read_text().splitlines()) == 1
    # The files of a DAG that ended well are no obstacle either.
    Path("x.dag.rescue001").unlink()
    with condor.tagged(Tag(project, "subject/failing", "third-" + project)):
        third = condor.submit_dag(dag)
    condor.remove(third, "seen enough")
    end = ask.end("third-" + project, third)
    assert end.removed and "seen enough" in end.reason


def test_a_program_that_submits_a_dag_itself_is_tagged(
    condor: HTCondor, ask: Any, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_CONDOR_SUBMIT_ATTRS", "SiteOwn")
    monkeypatch.setenv("_CONDOR_SiteOwn", '"kept"')
    import htcondor2

    htcondor2.reload_config()
    dag = _dag(tmp_path, only="exit 0")
    outer = Tag(project, "subject/outer", "outer-" + project)
    tag = Tag(project, "subject/foreign", "foreign-" + project)
    with condor.tagged(outer):
        with condor.tagged(tag):
            printed = subprocess.run(
                ["condor_submit_dag", str(dag)],
                cwd=tmp_path,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        assert os.environ[_UID] == '"outer-' + project + '"'
        inside = htcondor2.Submit({"executable": "/bin/true", "requirements": "false"})
        bound = htcondor2.Schedd().submit(inside).cluster()
    assert _UID not in os.environ
    untagged = htcondor2.Schedd().submit(inside).cluster()
    monkeypatch.undo()
    htcondor2.reload_config()
    number = int(printed.split("submitted to cluster ")[1].split(".")[0])
    wanted = ["ClusterId", "AsimovUID", "SiteOwn"]
    ads = condor.connection.queue(f"ClusterId == {bound} || ClusterId == {untagged}", wanted)
    found = {ad["ClusterId"]: (ad.get("AsimovUID"), ad["SiteOwn"]) for ad in ads}
    assert found == {bound: (outer.uid, "kept"), untagged: (None, "kept")}
    condor.remove(untagged)
    assert ask.end(tag.uid).job_id == number
    assert _nodes(condor, number)["only"]["AsimovUID"] == tag.uid


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "x.dag: there is no such DAG file"),
        ("# nodes\nJOB a missing.sub\n", "x.dag:2: node a: no such submit file: missing.sub"),
        ("JOBB a b\n", "not a valid DAG command"),
    ],
)
def test_a_dag_that_can_not_run_is_refused(
    condor: HTCondor, tmp_path: Path, text: str | None, words: str, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("x.dag").write_text(text)
    with pytest.raises(SchedulerError) as caught:
        condor.submit_dag("x.dag")
    assert words in str(caught.value)
