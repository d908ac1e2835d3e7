"""Explanations of why real jobs on the real pool are not running."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.matchmaking import Slot, conjuncts, has_room, mismatches, refusing
from asimov.scheduler.jobs import JobDescription, Tag
from asimov.scheduler.observations import JobState

pytestmark = pytest.mark.htcondor
Submit = Callable[..., int]


@pytest.fixture
def submit(condor: HTCondor, project: str, request: pytest.FixtureRequest) -> Iterator[Submit]:
    made = []

    def submit(executable: str = "/bin/true", **commands: Any) -> int:
        name = f"{request.node.name}-{len(made)}"
        with condor.tagged(Tag(project, f"subject/{name}", name + project)):
            made.append(condor.submit(JobDescription(executable, **commands)))
        return made[-1]

    yield submit
    for number in made:
        condor.remove(number)


def _largest(attribute: str) -> int:
    said = subprocess.run(
        ["condor_status", "-af", attribute], check=True, capture_output=True, text=True
    ).stdout
    return max(int(float(each)) for each in said.split())


def _until(condor: HTCondor, job_id: int, words: str) -> list[str]:
    end = time.monotonic() + 240
    while True:
        lines = condor.explain(job_id)
        if any(words in line for line in lines):
            return lines
        assert time.monotonic() < end, lines
        time.sleep(0.2)


def test_a_job_that_asks_for_too_much_is_told_what_the_largest_slot_has(
    condor: HTCondor, submit: Submit
) -> None:
    number = submit(memory=900_000_000, cpus=5000)
    lines = _until(condor, number, "the negotiator's last message")
    largest = _largest("TotalSlotMemory")
    start = f"job {number}.0: no slot has"
    memory = f"{start} 900000000 MB of memory (RequestMemory): the largest has {largest}"
    assert memory in lines
    assert any(line.startswith(f"{start} 5000 processors (RequestCpus)") for line in lines)
    assert any(": 0 of " in line and "slots match" in line for line in lines)


def test_a_condition_that_no_slot_meets_is_named(condor: HTCondor, submit: Submit) -> None:
    number = submit(requirements='(TARGET.HasTelescope == true) && TARGET.Arch != "&&"', queue=3)
    lines = condor.explain(number)
    assert f"job {number}.0: no slot meets TARGET.HasTelescope == true (Requirements)" in lines
    # The other processes would say the same.
    assert all(line.startswith(f"job {number}.0: ") for line in lines)
    assert not any("Arch" in line for line in lines)


def test_a_job_that_only_waits_is_told_so_and_who_comes_before_it(
    condor: HTCondor, submit: Submit, ask: Any, request: Any, project: str
) -> None:
    all_of_it = _largest("TotalSlotCpus")
    runs = submit("/bin/sleep", arguments="600")
    uid = f"{request.node.name}-0{project}"
    ask.until(lambda a: getattr(a, "state", None) is JobState.RUNNING, uid, runs)
    assert condor.explain(runs) == []
    first = submit(cpus=all_of_it, priority=5)
    waits = submit(cpus=all_of_it)
    lines = _until(condor, waits, "all of these are busy now")
    assert any("has the priority" in line and "slots" in line for line in lines)
    assert any("idle jobs of the same user are ahead of it" in line for line in lines), (
        first,
        lines,
    )


def test_a_held_job_is_told_why(condor: HTCondor, submit: Submit) -> None:
    number = submit(hold=True)
    [line] = condor.explain(number)
    assert line.startswith(f"job {number}.0: held (code 15): ")
    assert "submitted on hold" in line


def test_of_a_running_dag_the_nodes_that_wait_are_explained(
    condor: HTCondor, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    common = "executable = /bin/true\nlog = n.log\n"
    Path("idle.sub").write_text(f"{common}request_memory = 900000000\nqueue\n")
    Path("held.sub").write_text(f"{common}hold = true\nqueue\n")
    Path("inner.dag").write_text("JOB deep idle.sub\n")
    Path("x.dag").write_text("JOB a idle.sub\nJOB b held.sub\nSUBDAG EXTERNAL c inner.dag\n")
    with condor.tagged(Tag(project, "subject/nodes", "nodes-" + project)):
        number = condor.submit_dag("x.dag")
    _until(condor, number, "node a ")
    _until(condor, number, "node deep ")
    lines = _until(condor, number, "node b ")
    condor.remove(number)
    assert any(
        line.startswith("node a (job ") and "no slot has 900000000" in line for line in lines
    )
    assert any(line.startswith("node b (job ") and "held (code 15" in line for line in lines)


def test_a_job_that_is_not_in_the_queue_is_said_not_to_be(condor: HTCondor) -> None:
    assert condor.explain(99_999_999) == ["job 99999999 is not in the queue of the local schedd"]


def test_where_the_collector_is_dead_a_line_says_so(
    condor: HTCondor, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import htcondor2

    number = submit(requirements="false")
    with socket.socket() as nobody:  # which does not listen
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        monkeypatch.setitem(htcondor2.param, "COLLECTOR_HOST", f"127.0.0.1:{port}")
        first = condor.explain(number)[0]
    assert first.startswith(
        f"job {number}.0: the slots can't be queried: the pool's collector can't be reached: "
    )
    assert "\n" not in first


class Crowded(Connection):
    """The local schedd, as if a user had this many running DAGs and one that waits."""

    running = 200

    def queue(self, constraint: str, projection: Any) -> Any:
        if constraint.startswith("ClusterId"):
            return [{"JobStatus": 1}]
        if "Reconnect" in constraint:  # of none is the machine out of reach
            return []
        return [{"ClusterId": 1}] * self.running if "JobStatus == 2" in constraint else []

    def ads(self, constraint: str, most: int) -> Any:
        mine = "ClusterId == 7" in constraint and "JobStatus == 1" in constraint
        ad = {"ClusterId": 7, "ProcId": 0, "JobUniverse": 7, "Owner": "alice"}
        return [ad] if mine else []


def test_a_dag_that_waits_for_others_of_its_user_is_told_the_schedds_limit(pool: None) -> None:
    limit = subprocess.run(
        ["condor_config_val", "-schedd", "MAX_RUNNING_SCHEDULER_JOBS_PER_OWNER"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    crowded = Crowded()
    crowded.running = int(limit)
    assert HTCondor(crowded).explain(7) == [
        f"job 7.0: {limit} DAGs of alice run, at most {limit} may "
        "(MAX_RUNNING_SCHEDULER_JOBS_PER_OWNER of the schedd): it starts when one of them ends"
    ]
    crowded.running = 1
    [line] = HTCondor(crowded).explain(7)
    assert line.endswith("it should start within a minute")


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("a", ["a"]),
        ("((a))", ["a"]),
        ("(a) && (b)", ["a", "b"]),
        ("a && b || c", ["a && b || c"]),
        ("(a && b ? c : d) && e", ["a && b ? c : d", "e"]),
        ("x =?= undefined && (y ?: false) && z", ["x =?= undefined", "y ?: false", "z"]),
        (
            'regexp("(&&|\\"", A) && member(B, {1, 2})',
            ['regexp("(&&|\\"", A)', "member(B, {1, 2})"],
        ),
        ("!(a && b) && ((c && (d)) && e)", ["!(a && b)", "c", "d", "e"]),
        ("(a", ["(a"]),
    ],
)
def test_requirements_are_split_into_what_must_all_be_true(
    expression: str, parts: list[str]
) -> None:
    assert conjuncts(expression) == parts


def _slots(*ads: dict[str, Any]) -> list[Slot]:
    import classad2

    made = [classad2.ClassAd({"Name": f"s{i}", **ad}) for i, ad in enumerate(ads)]
    return [Slot(ad, ad) for ad in made]


def test_conditions_that_no_one_slot_meets_together_are_counted() -> None:
    import classad2

    job = classad2.ClassAd({"RequestMemory": 10})
    job["Requirements"] = classad2.ExprTree("TARGET.Red && Blue && TARGET.Memory >= RequestMemory")
    pool = _slots({"Red": True, "Memory": 99}, {"Blue": True, "Memory": 99}, {"Memory": 99})
    assert mismatches(job, pool) == (
        [],
        ["1 of 3 slots meet TARGET.Red (Requirements)", "1 of 3 slots meet Blue (Requirements)"],
    )
    both = _slots({"Red": True, "Blue": True, "Memory": 99}, {"Memory": 5})
    assert mismatches(job, both) == ([both[0]], [])


def test_a_slot_has_room_where_it_is_free_or_has_enough_left() -> None:
    job = {"RequestMemory": 10}
    import classad2

    ad = classad2.ClassAd(job)
    left = {"PartitionableSlot": True, "Cpus": 1, "Memory": 9}
    few, enough, static, taken = _slots(
        left, {**left, "Memory": 10}, {"State": "Unclaimed"}, {"State": "Claimed"}
    )
    assert [has_room(ad, slot) for slot in (few, enough, static, taken)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_slots_that_refuse_by_their_own_conditions_are_counted() -> None:
    import classad2

    class Asked(Connection):
        def ask_collector(self, question: Any) -> Any:
            class Collector:
                def query(self, kind: Any, constraint: str) -> Any:
                    assert constraint == 'member(Name, {"s0","s1"})'
                    mine = classad2.ClassAd({"Name": "s0"})
                    mine["Start"] = classad2.ExprTree('TARGET.Owner == "bob"')
                    return [mine, classad2.ClassAd({"Name": "s1", "Start": True})]

            return question(Collector())

    job = classad2.ClassAd({"Owner": "alice"})
    assert refusing(Asked(), job, _slots({}, {})) == (1, 2)
