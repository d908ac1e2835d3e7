from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.contract import Present, Tag
from asimov.scheduler.eventlog import read_events, tagged_clusters


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
    end = nodes.gone(cluster)
    assert end.exit_code == 0 and str(end.progress) == "3/3"
    assert sorted(_trace()[:2]) == ["A.0", "B.0"] and _trace()[2:] == ["C.0"]
    events, _ = read_events("x.dag.nodes.log")
    assert len(tagged_clusters(events, "AsimovUID", "uid-1")) == 3
    assert [e.number for e in read_events("x.dag.dagman.log")[0]] == [0, 28, 1, 5]
    assert json.loads(Path("x.dag.metrics").read_text())["exitcode"] == 0
    assert nodes.scheduler.usage(cluster).processes == 3


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
