"""What failed in jobs and DAGs, as the real pool and its DAGMan report it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.htcondor.classads import Ad
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.jobs import JobDescription, Tag
from asimov.scheduler.languages.dagman_out import failed_nodes, last_error
from asimov.scheduler.observations import Failure

pytestmark = pytest.mark.htcondor

SCRIPTS = {
    "good": "exit 0",
    "bad": "echo oops >&2; exit 3",
    "sig": "kill -9 $$",
    "many": "exit $1",
    "pre": "exit 0",
    "post": "exit 0",
    "mended": "exit 4",
    "later": "exit 5",
    "deep": "exit 8",
    # For a node that begins once another was ended by a signal.
    "after": "until grep -q 'Abnormal termination' n.log; do sleep 0.1; done",
}
DAG = """
JOB good good.sub
JOB bad bad.sub
RETRY bad 1
JOB sig sig.sub
JOB many many.sub
JOB pre pre.sub
SCRIPT PRE pre /bin/false
JOB post post.sub
SCRIPT POST post /bin/false
JOB mended mended.sub
SCRIPT POST mended /bin/true
JOB later later.sub
RETRY later 2
JOB unwritten unwritten.sub
PARENT good CHILD unwritten
JOB never good.sub
PARENT bad CHILD never
"""


class Forgetful(Connection):
    """A schedd whose history no longer has the nodes of DAGs."""

    def history(self, constraint: str, *rest: Any, **named: Any) -> list[Ad]:
        ads = super().history(constraint, *rest, **named)
        return [ad for ad in ads if "DAGNodeName" not in ad]


@dataclass
class Ended:
    """A DAG that has ended."""

    condor: HTCondor
    number: int
    folder: Path

    def failures(self, condor: HTCondor | None = None) -> dict[str | None, Failure]:
        found = (condor or self.condor).failures(self.number, time.time() - 600)
        assert len({failure.node for failure in found}) == len(found)
        return {failure.node: failure for failure in found}


def _write(folder: Path, text: str) -> Path:
    for name, script in SCRIPTS.items():
        program = folder / f"{name}.sh"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        (folder / f"{name}.sub").write_text(
            f"executable = {name}.sh\narguments = $(Process)\noutput = out/$(JOB).out\n"
            f"error = $(kind)$(JOB).err\nlog = n.log\nqueue {2 if name == 'many' else 1}\n"
        )
    once = f"test -e {folder}/tried && exit 0; touch {folder}/tried; exit 5"
    (folder / "later.sh").write_text(f"#!/bin/sh\n{once}\n")
    (folder / "out").mkdir()
    dag = folder / "x.dag"
    dag.write_text(text)
    return dag


@pytest.fixture(scope="module")
def run(
    condor: HTCondor, ask: Any, project: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    patch = pytest.MonkeyPatch()

    def run(name: str, text: str, inner: str | None = None) -> Ended:
        folder = tmp_path_factory.mktemp(name)
        patch.chdir(folder)
        dag = _write(folder, text)
        if inner:
            (folder / "inner.dag").write_text(inner)
        with condor.tagged(Tag(project, f"subject/{name}", name + project)):
            number = condor.submit_dag(dag)
        ask.left(name + project, number)
        return Ended(condor, number, folder)

    yield run
    patch.undo()


@pytest.fixture(scope="module")
def ended(run: Any) -> Any:
    return run("failing", DAG + 'VARS bad kind="of-"\n')


def test_the_nodes_that_failed_finally_are_told_with_how_and_where(ended: Ended) -> None:
    found = ended.failures()
    assert found.keys() == {"bad", "sig", "many", "pre", "post", "unwritten"}
    bad = found["bad"]
    assert (bad.exit_code, bad.signal) == (3, None)
    assert bad.error_file == str(ended.folder / "of-bad.err")
    assert bad.output_file == str(ended.folder / "out/bad.out")
    assert Path(bad.error_file).read_text() == "oops\n"
    assert (found["sig"].exit_code, found["sig"].signal) == (None, 9)
    assert found["many"].exit_code == 1


def test_a_script_that_failed_is_told_as_such(ended: Ended) -> None:
    found = ended.failures()
    assert found["pre"] == Failure(None, "pre", 1, reason="its PRE script returned 1")
    post = found["post"]
    assert (post.exit_code, post.reason) == (1, "its POST script returned 1")
    assert post.job_id is not None and post.error_file == str(ended.folder / "post.err")


def test_a_node_that_could_not_be_submitted_says_why(ended: Ended) -> None:
    found = ended.failures()["unwritten"]
    assert found.job_id is None and found.exit_code is None
    assert "could not be submitted" in str(found.reason) and "unwritten.sub" in str(found.reason)


def test_failures_stand_in_the_order_in_which_they_happened(run: Any) -> None:
    text = "JOB bad bad.sub\nJOB pre pre.sub\nSCRIPT PRE pre /bin/false\nJOB sig sig.sub\n"
    done = run("order", text + "SCRIPT PRE bad after.sh\n")
    assert list(done.failures()) == ["pre", "sig", "bad"]


def test_where_the_history_has_forgotten_the_nodes_the_files_of_the_dag_tell(ended: Ended) -> None:
    told = ended.failures()
    forgetful = HTCondor(Forgetful())
    assert ended.failures(forgetful) == told


@pytest.mark.parametrize("connection", [Connection(), Forgetful()])
def test_without_dagmans_list_the_last_jobs_of_the_nodes_are_judged(
    ended: Ended, connection: Connection
) -> None:
    told = ended.failures()
    output = ended.folder / "x.dag.dagman.out"
    output.rename(ended.folder / "away")
    try:
        found = ended.failures(HTCondor(connection))
    finally:
        (ended.folder / "away").rename(output)
    # Nothing else tells of a PRE script, or of a submission that failed.
    assert found == {name: told[name] for name in ("bad", "sig", "many", "post")}


def test_of_a_dag_within_a_dag_the_inner_node_is_told(run: Any) -> None:
    done = run("nested", "SUBDAG EXTERNAL outer inner.dag\n", "JOB deep deep.sub\n")
    found = done.failures()
    assert found.keys() == {"outer/deep"}
    assert found["outer/deep"].exit_code == 8


def test_of_many_failed_nodes_twenty_are_told(run: Any) -> None:
    names = [f"n{i}" for i in range(25)]
    text = "".join(f"JOB {n} good.sub\nSCRIPT PRE {n} /bin/false\n" for n in names)
    assert len(run("many", text).failures()) == 20


def test_a_dag_that_went_well_has_no_failures(run: Any) -> None:
    assert run("well", "JOB good good.sub\nJOB later later.sub\nRETRY later 1\n").failures() == {}


def test_a_dag_that_dagman_can_not_read_says_what_it_said(run: Any) -> None:
    done = run("unread", "JOB good good.sub\nPARENT good CHILD nobody\n")
    [failure] = done.condor.failures(done.number, time.time() - 600)
    assert (failure.node, failure.exit_code) == (None, 1)
    assert "nobody" in str(failure.reason)
    assert "nobody" in Path(str(failure.error_file)).read_text()


def test_each_run_of_a_dag_has_its_own_failures(
    condor: HTCondor, ask: Any, project: str, run: Any
) -> None:
    first = run("twice", "JOB bad bad.sub\nJOB sig sig.sub\n")
    (first.folder / "sig.sh").write_text("#!/bin/sh\nexit 0\n")
    with condor.tagged(Tag(project, "subject/twice", "again" + project)):
        second = condor.submit_dag(first.folder / "x.dag")
    ask.left("again" + project, second)
    assert first.failures().keys() == {"bad", "sig"}
    assert Ended(condor, second, first.folder).failures().keys() == {"bad"}


def test_the_processes_of_a_cluster_that_failed_are_told(
    condor: HTCondor, ask: Any, project: str, tmp_path: Path
) -> None:
    program = tmp_path / "p.sh"
    program.write_text("#!/bin/sh\ntest $1 = 2 && kill -9 $$\nexit $1\n")
    program.chmod(0o755)
    job = JobDescription(
        program, "$(Process).out", "$(Process).err", arguments="$(Process)", queue=3,
        initialdir=str(tmp_path),
    )  # fmt: skip
    with condor.tagged(Tag(project, "subject/three", "three-" + project)):
        number = condor.submit(job)
    ask.left("three-" + project, number)
    found = condor.failures(number, time.time() - 600)
    assert {(each.exit_code, each.signal) for each in found} == {(1, None), (None, 9)}
    assert {each.error_file for each in found} == {str(tmp_path / "1.err"), str(tmp_path / "2.err")}


def test_a_removed_job_tells_who_removed_it(condor: HTCondor, ask: Any, project: str) -> None:
    with condor.tagged(Tag(project, "subject/removed", "removed-" + project)):
        number = condor.submit(JobDescription("/bin/true", requirements="false"))
    condor.remove(number, "seen enough")
    ask.left("removed-" + project, number)
    [failure] = condor.failures(number, time.time() - 600)
    assert failure.exit_code is None and "seen enough" in str(failure.reason)
    assert failure.error_file is None


def test_a_job_that_nobody_knows_has_no_failures(condor: HTCondor) -> None:
    assert condor.failures(99_999_999, time.time()) == []


def test_a_file_without_the_runs_list_tells_nothing(tmp_path: Path) -> None:
    output = tmp_path / "x.dag.dagman.out"
    assert failed_nodes(output, 1) is None and last_error(output, 1) is None
    output.write_bytes(b"\xff\xfe\nERROR: of somebody else\nDAGManJobId==12\n")
    assert failed_nodes(output, 1) is None and last_error(output, 1) is None
