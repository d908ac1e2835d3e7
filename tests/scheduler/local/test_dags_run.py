from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import Tag
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.observations import Present
from tests.scheduler.event_logs import tagged_clusters


@pytest.fixture
def nodes(bench):
    bench.write(
        "n.sub",
        "executable = /bin/sh\nlog = n.log\n"
        "arguments = \"-c 'echo $(JOB).$(RETRY) >> trace; test ! -e block.$(JOB) || sleep 60;"
        " exit $(result:0)'\"\nqueue\n",
    )
    return bench


def _trace() -> list[str]:
    return Path("trace").read_text().split() if Path("trace").exists() else []


def test_nodes_run_in_their_order_and_carry_the_tag(nodes):
    nodes.write("x.dag", "job A n.sub\nJOB B n.sub\nJOB C n.sub\nparent A B child C\n")
    with nodes.scheduler.tagged(Tag("p", "s/a", "uid-1")):
        cluster = nodes.scheduler.submit_dag("x.dag")
    end = nodes.gone(cluster, "uid-1")
    assert end.exit_code == 0 and str(end.progress) == "3/3"
    assert sorted(_trace()[:2]) == ["A.0", "B.0"] and _trace()[2:] == ["C.0"]
    events, _ = read_events("x.dag.nodes.log")
    assert len(tagged_clusters(events, "AsimovUID", "uid-1")) == 3
    assert [e.number for e in read_events("x.dag.dagman.log")[0]] == [0, 28, 1, 5]
    assert json.loads(Path("x.dag.metrics").read_text())["exitcode"] == 0
    assert nodes.scheduler.usage([cluster], 0.0)[cluster].processes == 3


def test_a_failed_node_is_retried_and_then_leaves_a_rescue_file_that_is_used(nodes):
    text = "JOB A n.sub\nJOB B n.sub\nJOB C n.sub\nPARENT A CHILD B\nPARENT B CHILD C\nRETRY B 1\n"
    nodes.write("x.dag", text + 'VARS B result="2"\n')
    end = nodes.gone(nodes.scheduler.submit_dag("x.dag"))
    assert (end.exit_code, end.removed, str(end.progress)) == (1, False, "1/3 (1 failed)")
    assert _trace() == ["A.0", "B.0", "B.1"]
    rescue = Path("x.dag.rescue001").read_text().splitlines()
    assert [line for line in rescue if not line.startswith("#") and line] == ["DONE A"]
    end = nodes.gone(nodes.scheduler.submit_dag("x.dag"))
    assert Path("x.dag.rescue002").exists() and end.exit_code == 1
    nodes.write("x.dag", text)
    assert nodes.gone(nodes.scheduler.submit_dag("x.dag")).exit_code == 0
    assert _trace() == ["A.0", "B.0", "B.1", "B.0", "B.1", "B.0", "C.0"]
    assert nodes.gone(nodes.scheduler.submit_dag("x.dag", force=True)).exit_code == 0
    assert Path("x.dag.rescue002.old").exists() and _trace()[-3:] == ["A.0", "B.0", "C.0"]


def test_unless_exit_ends_the_retries(nodes):
    nodes.write("x.dag", 'JOB A n.sub\nRETRY A 5 UNLESS-EXIT 3\nVARS A result="3"\n')
    assert nodes.gone(nodes.scheduler.submit_dag("x.dag")).exit_code == 1
    assert _trace() == ["A.0"]


def test_the_post_script_decides_and_a_failed_pre_script_fails_the_node(nodes):
    script = nodes.write("script", '#!/bin/sh\necho "$@" >> trace\nexit $4\n')
    script.chmod(0o755)
    nodes.write(
        "x.dag",
        'JOB A n.sub\nVARS A result="5"\nSCRIPT POST A script post $JOB $RETURN 0\n'
        "JOB B n.sub\nSCRIPT PRE B script pre $JOB $RETRY 7\nPARENT A CHILD B\n",
    )
    end = nodes.gone(nodes.scheduler.submit_dag("x.dag"))
    assert (end.exit_code, str(end.progress)) == (1, "1/2 (1 failed)")
    assert _trace() == ["A.0", *"post A 5 0 pre B 0 7".split()]  # noqa: SIM905
    assert 16 in [e.number for e in read_events("x.dag.nodes.log")[0]]


def test_a_node_is_submitted_in_its_folder(nodes):
    nodes.write("sub/n.sub", "executable = /bin/pwd\noutput = out\nqueue\n")
    nodes.write("x.dag", "JOB A n.sub DIR sub\nJOB B nothing.sub NOOP\nJOB C nothing.sub DONE\n")
    assert nodes.gone(nodes.scheduler.submit_dag("x.dag")).exit_code == 0
    assert Path("sub/out").read_text() == f"{nodes.root / 'sub'}\n"


def test_a_removed_dag_removes_its_nodes_and_writes_a_rescue_file(nodes):
    nodes.write("block.B", "")
    nodes.write(
        "x.dag", "JOB A n.sub\nJOB B n.sub\nJOB C n.sub\nPARENT A CHILD B\nPARENT B CHILD C\n"
    )
    cluster = nodes.scheduler.submit_dag("x.dag")
    nodes.until(lambda: "B.0" in _trace())
    nodes.scheduler.remove(cluster, "no more")
    end = nodes.gone(cluster)
    assert end.removed and end.exit_code is None and "no more" in str(end.reason)
    assert "\nDONE A\n" in Path("x.dag.rescue001").read_text()
    assert [e.number for e in read_events("x.dag.dagman.log")[0]] == [0, 1, 9]
    assert read_events("n.log")[0][-1].number == 9


def test_a_held_dag_lets_its_nodes_run_and_starts_none(nodes):
    nodes.write("block.A", "")
    nodes.write("x.dag", "JOB A n.sub\nJOB B n.sub\nPARENT A CHILD B\n")
    cluster = nodes.scheduler.submit_dag("x.dag")
    nodes.until(_trace)
    nodes.scheduler.hold(cluster)
    nodes.until(lambda: nodes.state(cluster) == "held")
    seen = nodes.see(cluster)
    assert isinstance(seen, Present) and seen.progress is not None and seen.progress.running == 1
    nodes.scheduler.release(cluster)
    nodes.until(lambda: nodes.state(cluster) == "running")
    nodes.scheduler.remove(cluster)
    nodes.gone(cluster)


def test_a_dag_goes_on_after_its_runner_was_killed(nodes):
    names = [f"N{number}" for number in range(30)]
    lines = [f"JOB {name} n.sub" for name in names]
    lines += [f"PARENT {a} CHILD {b}" for a, b in pairwise(names)]
    nodes.write("x.dag", "\n".join(lines))
    cluster = nodes.scheduler.submit_dag("x.dag")
    for at in (2, 10, 20):
        nodes.until(lambda at=at: len(_trace()) > at)
        nodes.kill_runner()
        nodes.scheduler.wake()
    assert nodes.gone(cluster).exit_code == 0
    assert _trace() == [f"{name}.0" for name in names]


def test_a_category_bounds_how_many_of_its_nodes_run(nodes):
    lines = [f"JOB N{n} c.sub\nCATEGORY N{n} few\n" for n in range(4)]
    nodes.write("x.dag", "MAXJOBS few 1\n" + "".join(lines))
    script = "echo + >> trace; sleep 0.02; echo - >> trace"
    nodes.write("c.sub", f"executable = /bin/sh\narguments = \"-c '{script}'\"\nqueue\n")
    assert nodes.gone(nodes.scheduler.submit_dag("x.dag")).exit_code == 0
    assert _trace() == ["+", "-"] * 4


def test_every_node_is_checked_before_anything_is_submitted(nodes):
    nodes.write("bad.sub", "executable = /bin/true\non_exit_hold = true\nqueue\n")
    nodes.write("x.dag", "JOB A n.sub\nJOB B bad.sub\n")
    with pytest.raises(SchedulerError, match=r"bad\.sub:2: 'on_exit_hold'"):
        nodes.scheduler.submit_dag("x.dag")
    assert not (nodes.root / ".asimov").exists() and not _trace()


def test_a_process_that_fails_takes_the_others_of_its_node_along(nodes):
    script = "test $(Process) = 1 && exit 7; test $(Process) = 2 && sleep 60; exit 0"
    nodes.write("c.sub", f"executable = /bin/sh\narguments = \"-c '{script}'\"\nqueue 9\n")
    post = nodes.write("post", '#!/bin/sh\necho "$@" >> trace\nexit 1\n')
    post.chmod(0o755)
    nodes.write("x.dag", "JOB A c.sub\nSCRIPT POST A post $RETURN\n")
    cluster = nodes.scheduler.submit_dag("x.dag")
    end = nodes.gone(cluster)
    assert end.exit_code == 1 and _trace() == ["7"]
    with nodes.scheduler.spool.reading() as db:
        row = db.execute("SELECT sum(removed), count(*) FROM processes").fetchone()
    assert row[0] >= 1 and row[1] == 9


@pytest.mark.parametrize("kind", ["PRE", "POST"])
def test_a_dag_is_removed_while_a_script_runs(nodes, kind):
    script = nodes.write("script", "#!/bin/sh\necho script >> trace\nsleep 60\n")
    script.chmod(0o755)
    nodes.write("x.dag", f"JOB A n.sub\nSCRIPT {kind} A script\nJOB B n.sub\nPARENT A CHILD B\n")
    cluster = nodes.scheduler.submit_dag("x.dag")
    nodes.until(lambda: "script" in _trace())
    nodes.scheduler.remove(cluster)
    end = nodes.gone(cluster)
    assert end.removed and "DONE" not in _rescued("x.dag.rescue001")
    assert _trace() == (["script"] if kind == "PRE" else ["A.0", "script"])


def _rescued(name: str) -> str:
    lines = Path(name).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("kind", ["PRE", "POST"])
def test_a_script_whose_keeper_was_killed_runs_on(nodes, kind):
    text = "#!/bin/sh\necho start >> trace\nwhile [ ! -e go ]; do sleep 0.02; done\n"
    nodes.write("script", text + "echo end >> trace\n").chmod(0o755)
    nodes.write("x.dag", f"JOB A n.sub\nSCRIPT {kind} A script\n")
    cluster = nodes.scheduler.submit_dag("x.dag")
    nodes.until(lambda: "start" in _trace())
    (claimed,) = nodes.scheduler.spool.runs.glob("*.claim")
    os.kill(int(str(claimed.readlink()).split()[0]), signal.SIGKILL)
    Path("go").touch()
    assert nodes.gone(cluster).exit_code == 0
    assert sorted(_trace()) == ["A.0", "end", "start"]
    assert 4 not in [event.number for event in read_events("x.dag.nodes.log")[0]]


def test_a_held_dag_submits_no_node_after_its_pre_script(nodes):
    text = "#!/bin/sh\necho pre >> trace\nwhile [ ! -e go ]; do sleep 0.02; done\n"
    nodes.write("script", text).chmod(0o755)
    nodes.write("x.dag", 'JOB A n.sub\nSCRIPT PRE A script\nRETRY A 1\nVARS A result="1"\n')
    cluster = nodes.scheduler.submit_dag("x.dag")
    nodes.until(_trace)
    nodes.scheduler.hold(cluster)
    nodes.until(lambda: nodes.state(cluster) == "held")
    Path("go").touch()

    def scripts() -> int:
        with nodes.scheduler.spool.reading() as db:
            return db.execute("SELECT count(*) FROM processes WHERE role = 'pre'").fetchone()[0]

    nodes.until(lambda: not scripts())
    assert _trace() == ["pre"]
    nodes.scheduler.release(cluster)
    assert nodes.gone(cluster).exit_code == 1
    assert _trace() == ["pre", "A.0", "pre", "A.1"]


def test_a_script_is_found_as_the_submitter_finds_programs(nodes, monkeypatch):
    nodes.write("block.B", "")
    nodes.write("b.dag", "JOB B n.sub\n")
    blocker = nodes.scheduler.submit_dag("b.dag")
    nodes.until(_trace)
    nodes.write("bin/my-script", "#!/bin/sh\necho mine >> trace\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{nodes.root / 'bin'}:{os.environ['PATH']}")
    nodes.write("x.dag", "JOB A n.sub\nSCRIPT PRE A my-script\n")
    assert nodes.gone(nodes.scheduler.submit_dag("x.dag")).exit_code == 0
    assert _trace() == ["B.0", "mine", "A.0"]
    nodes.scheduler.remove(blocker)


def test_a_post_script_decides_on_each_retry(nodes):
    nodes.write("script", '#!/bin/sh\necho "post $1 $2" >> trace\ntest $2 = 2\n').chmod(0o755)
    nodes.write(
        "x.dag", 'JOB A n.sub\nRETRY A 3\nVARS A result="5"\nSCRIPT POST A script $RETURN $RETRY\n'
    )
    end = nodes.gone(nodes.scheduler.submit_dag("x.dag"))
    assert (end.exit_code, str(end.progress)) == (0, "1/1")
    assert _trace() == "A.0 post 5 0 A.1 post 5 1 A.2 post 5 2".split()  # noqa: SIM905


def test_a_dag_file_that_is_edited_after_its_submission_changes_nothing(nodes):
    nodes.write("block.A", "")
    path = nodes.write("x.dag", "JOB A n.sub\nJOB B n.sub\nPARENT A CHILD B\n")
    cluster = nodes.scheduler.submit_dag("x.dag")
    nodes.until(_trace)
    nodes.kill_runner()
    path.write_text("JOB X n.sub\n")
    nodes.scheduler.wake()
    nodes.scheduler.remove(cluster)
    nodes.gone(cluster)
    assert _trace() == ["A.0"] and "Total number of Nodes: 2" in Path("x.dag.rescue001").read_text()
