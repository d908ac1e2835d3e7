"""Jobs on hold: what is done about them by their class and the policy, and how often."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from msgspec import field
from msgspec.structs import replace

from asimov.engine import holds
from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler import JobState, Observation, Present, Ticket
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.observations import Held, Progress
from asimov.settings import BaseSettings

JOB = "a, seconds: 1000"


class Pool:
    """What the scheduler says of the job of every attempt, and what it was asked to do."""

    def __init__(self) -> None:
        self.state = JobState.HELD
        self.held: tuple[Held, ...] = ()
        self.progress: Progress | None = None
        self.asked: list[tuple[Any, ...]] = []
        self.error: SchedulerError | None = None

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        reason, code = (self.held[0].reason, self.held[0].code) if self.held else (None, None)
        return {
            each.uid: Present(each.job_id or 0, self.state, reason, code, self.progress, self.held)
            for each in tickets
        }

    def do(self, *asked: Any) -> None:
        if self.error:
            raise self.error
        self.asked.append(asked)


@pytest.fixture
def pool(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    made = Pool()
    monkeypatch.setattr(LocalScheduler, "observe", lambda self, tickets: made.observe(tickets))
    monkeypatch.setattr(
        LocalScheduler, "release", lambda self, job, reason="": made.do("release", job)
    )
    monkeypatch.setattr(
        LocalScheduler, "raise_requests", lambda self, job, **more: made.do("raise", job, more),
        raising=False,
    )  # fmt: skip
    monkeypatch.setattr(holds, "SETTLING", 0.0)
    return made


def start(lab: Any, settings: str = "") -> int:
    lab.apply(f"{JOB}{', ' + settings if settings else ''}")
    lab.run("manage", "build", "submit")
    return int(lab.rows()["a"]["job_id"])


def ago(seconds: float) -> float:
    return time.time() - seconds


def kinds(lab: Any) -> list[str]:
    with_kind = [line for line in lab.run("log", "s", "a").out.splitlines() if "  [" in line]
    return [line.split("  ")[2] for line in with_kind]


def test_a_transient_hold_is_released_once_its_pause_is_over(lab: Any, pool: Pool) -> None:
    job = start(lab)
    pool.held = (Held(job, 0, None, 6, 5, "Failed to execute", since=ago(100)),)
    lab.run("monitor")
    row = lab.rows()["a"]
    assert (row["status"], row["job_state"]) == ("running", "held")
    assert row["waiting_for"] == [
        "held (transient, code 6, subcode 5): released again in 3m, 1 of 3"
    ]
    assert pool.asked == []
    pool.held = (replace(pool.held[0], since=ago(301)),)
    ran = lab.run("monitor")
    assert pool.asked == [("release", job)]
    told = f"job {job} was held: Failed to execute (transient, code 6, subcode 5): released, 1 of 3"
    assert f"s/a: {told}" in ran.out
    assert f"released  [monitor]: {told}" in lab.run("log").out
    assert lab.states() == {"a": "running"}


def test_the_pause_doubles_and_after_the_last_try_it_is_stuck(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {transient: {times: 2, pause: 50}}")
    held = Held(job, 0, None, 6, 5, "Failed to execute", since=ago(60))
    pool.held = (held,)
    lab.run("monitor")
    assert len(pool.asked) == 1
    pool.held = (replace(held, since=time.time()),)  # it was held again
    lab.run("monitor")
    assert lab.rows()["a"]["waiting_for"][0].endswith("released again in 1m, 2 of 2")
    assert len(pool.asked) == 1


def test_after_the_last_try_it_is_stuck_and_says_what_to_do(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {transient: {times: 2, pause: 0}}")
    for _ in range(3):
        pool.held = (Held(job, 0, None, 6, 5, "Failed\n to execute", since=time.time()),)
        lab.run("monitor")
    assert pool.asked == [("release", job)] * 2
    assert lab.states() == {"a": "stuck"}
    assert lab.reason("a") == (
        f"job {job} is held: Failed to execute (transient, code 6, subcode 5); it was already "
        "released 2 times; release it, or fix it and 'asimov production set s/a --status restart'"
    )
    pool.held, pool.state = (), JobState.RUNNING  # a person has released it
    lab.run("monitor")
    assert lab.states() == {"a": "running"}
    assert lab.run("log").out.count("-> stuck") == 1


def test_memory_is_raised_from_what_was_asked_or_used_up_to_the_cap(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {memory: {up to: 2.5 GB}}")
    said = []
    for asked, used in ((1000.0, 900.0), (1500.0, 1600.0), (2400.0, 2400.0), (2560.0, 2560.0)):
        pool.held = (Held(job, 0, None, 34, 102, "over", time.time(), asked, None, used),)
        said.append(lab.run("monitor").out)
    raised = [
        more["memory_mb"] for what, _, *rest in pool.asked if what == "raise" for more in rest
    ]
    assert raised == [1500, 2400, 2560]
    assert [what for what, *_ in pool.asked] == ["raise", "release"] * 3
    assert "memory raised to 2.344 GB and released, 2 of 3" in said[1]
    assert lab.states() == {"a": "stuck"}
    assert kinds(lab).count("raised") == 3


def test_what_is_at_its_cap_is_not_raised_any_more(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {memory: {up to: 64 GB}}")
    pool.held = (Held(job, 0, None, 34, 102, "over", time.time(), 65536.0),)
    lab.run("monitor")
    assert pool.asked == []
    assert "it already requested 64 GB, the limit" in lab.reason("a")


def test_without_a_cap_four_times_the_first_request_is_one(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {disk: {factor: 10, times: 9}}")
    asked = 1000
    for _ in range(2):
        pool.held = (Held(job, 0, None, 34, 104, "over", time.time(), disk_kb=asked * 1024.0),)
        lab.run("monitor")
        asked = 4000
    assert pool.asked[0] == ("raise", job, {"memory_mb": None, "disk_kb": 4000 * 1024})
    assert len(pool.asked) == 2
    assert "it already requested 3.906 GB, the limit" in lab.reason("a")


def test_a_request_that_an_event_log_does_not_tell_is_asked_for(
    lab: Any, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(lab)
    held = Held(job, 0, None, 34, 102, "over", time.time())
    real, calls = pool.observe, []

    def observe(tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        pool.held = (held,) if not calls else (replace(held, memory_mb=1024.0),)
        calls.append(tickets)
        return real(tickets)

    monkeypatch.setattr(pool, "observe", observe)
    lab.run("monitor")
    assert pool.asked[0] == ("raise", job, {"memory_mb": 1536, "disk_kb": None})
    assert len(calls) == 2


def test_an_unknown_request_can_not_be_raised(lab: Any, pool: Pool) -> None:
    job = start(lab)
    pool.held = (Held(job, 0, None, 34, 102, "over", time.time()),)
    lab.run("monitor")
    assert "what it requested is unknown" in lab.reason("a")
    assert pool.asked == []


@pytest.mark.parametrize(
    ("code", "subcode", "kind"), [(1, 0, "user"), (13, 2, "input"), (5, 0, "permanent")]
)
def test_what_a_person_has_to_mend_is_stuck_at_once(
    lab: Any, pool: Pool, code: int, subcode: int, kind: str
) -> None:
    job = start(lab)
    pool.held = (Held(job, 0, None, code, subcode, "so it is", since=ago(9999)),)
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert f"job {job} is held: so it is ({kind}, code {code}" in lab.reason("a")
    assert pool.asked == []


def test_nodes_of_a_dag_are_tended_each_for_itself(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {transient: {pause: 0, times: 1}}")
    pool.state, pool.progress = JobState.RUNNING, Progress(5, running=3, held=2)
    pool.held = tuple(Held(job + n, 0, f"n{n}", 11, 0, "protocol", since=ago(1)) for n in (1, 2))
    lab.run("monitor")
    assert pool.asked == [("release", job + 1), ("release", job + 2)]
    row = lab.rows()["a"]
    assert (row["status"], row["job_state"]) == ("running", "running")
    # DAGMan tries a node again as another cluster: the count is the node's.
    pool.held = (Held(job + 9, 0, "n1", 11, 0, "protocol", since=time.time()),)
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert f"node n1, job {job + 9}, is held: protocol" in lab.reason("a")
    pool.held = ()
    lab.run("monitor")
    assert lab.states() == {"a": "running"}


def test_a_dag_that_waits_for_a_held_node_only_is_seen_as_held(lab: Any, pool: Pool) -> None:
    job = start(lab)
    pool.state, pool.progress = JobState.RUNNING, Progress(2, done=1, held=1)
    pool.held = (Held(job + 1, 0, "b", 6, 5, "Failed to execute", since=time.time()),)
    lab.run("monitor")
    row = lab.rows()["a"]
    assert (row["status"], row["job_state"], row["progress"]) == ("running", "held", "1/2 (1 held)")
    assert row["waiting_for"][0].startswith("node b held (transient, code 6")


def test_processes_of_a_cluster_are_released_at_once_unless_a_person_holds_one(
    lab: Any, pool: Pool
) -> None:
    job = start(lab, "holds: {memory: {times: 2}}")
    own = tuple(Held(job, n, None, 34, 102, "over", time.time(), 100.0 * (n + 1)) for n in range(3))
    pool.held = (*own, Held(job, 3, None, 1, 0, "wait", time.time()))
    lab.run("monitor")
    assert pool.asked == []
    assert "is held: wait (user, code 1)" in lab.reason("a")
    pool.held = own
    ran = lab.run("monitor")
    assert pool.asked == [("raise", job, {"memory_mb": 450, "disk_kb": None}), ("release", job)]
    assert f"3 processes of job {job} were held" in ran.out
    assert lab.states() == {"a": "running"}


def test_a_scheduler_that_can_not_be_asked_costs_no_try(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {transient: {times: 1, pause: 0}}")
    pool.held = (Held(job, 0, None, 11, 0, "protocol", since=ago(5)),)
    pool.error = SchedulerUnreachableError("no answer")
    lab.run("monitor")
    row = lab.rows()["a"]
    assert row["status"] == "running"
    assert "can't be released now: no answer" in row["waiting_for"][0]
    pool.error = None
    lab.run("monitor")
    assert pool.asked == [("release", job)]


def test_a_scheduler_that_refuses_makes_it_stuck(lab: Any, pool: Pool) -> None:
    job = start(lab, "holds: {transient: {pause: 0}}")
    pool.held = (Held(job, 0, None, 11, 0, "protocol", since=ago(5)),)
    pool.error = SchedulerError("permission denied")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert "the scheduler refused: permission denied" in lab.reason("a")


def test_a_release_that_is_on_its_way_is_not_asked_for_again(
    lab: Any, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "SETTLING", 30.0)
    job = start(lab, "holds: {transient: {pause: 0}}")
    pool.held = (Held(job, 0, None, 11, 0, "protocol", since=ago(5)),)
    lab.run("monitor")
    lab.run("monitor")
    assert pool.asked == [("release", job)]


def test_a_dry_run_says_what_would_be_done(lab: Any, pool: Pool, everything: Any) -> None:
    job = start(lab)
    pool.held = (Held(job, 0, None, 34, 102, "over", time.time(), 1024.0),)
    while not (lab.root / "working/s/a/node.out").exists():  # what the job itself writes
        time.sleep(0.02)
    lab.run("monitor", "--dry-run")
    before = lab.dump(), everything(lab.root)
    ran = lab.run("monitor", "--dry-run")
    assert "; would follow: memory raised to 1.5 GB and released, 1 of 3" in ran.out
    assert (lab.dump(), everything(lab.root)) == before
    assert pool.asked == []


def test_a_policy_that_is_changed_reaches_a_job_that_is_stuck_on_hold(lab: Any, pool: Pool) -> None:
    job = start(lab)
    pool.held = (Held(job, 0, None, 1, 0, "for a look", since=ago(5)),)
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    lab.apply(f"{JOB}, holds: {{user: {{action: release, pause: 0}}}}", update=True)
    lab.run("monitor")
    assert lab.states() == {"a": "running"}
    assert pool.asked == [("release", job)]


class Patient(BaseSettings):
    seconds: float = 0.0
    holds: dict[str, Any] = field(default_factory=lambda: {"transient": {"times": 1, "pause": 0}})


def test_a_policy_that_a_pipeline_declares_as_a_default_is_followed(
    lab: Any, pool: Pool, simple: Any
) -> None:
    lab.register("patient", type("P", (simple,), {"settings": Patient}))
    job = start(lab, "pipeline: patient")
    pool.held = (Held(job, 0, None, 6, 5, "Failed to execute", since=ago(1)),)
    lab.run("monitor")  # without the default it would wait for 300 s
    assert pool.asked == [("release", job)]
    lab.apply(f"{JOB}, pipeline: patient, holds: {{transient: stuck}}", update=True)
    pool.held = (Held(job, 0, None, 6, 5, "Failed to execute", since=time.time()),)
    lab.run("monitor")
    assert pool.asked == [("release", job)]
    assert lab.states() == {"a": "stuck"}


def test_a_policy_that_a_pipeline_has_written_wrong_is_told_by_the_build(
    lab: Any, pool: Pool, simple: Any
) -> None:
    def before_config(self: Any, dryrun: bool = False) -> None:
        self.production.meta["holds"] = {"memory": "rise"}

    lab.register("writing", type("P", (simple,), {"before_config": before_config}))
    lab.apply(f"{JOB}, pipeline: writing")
    told = lab.run("manage", "build", "submit", code=1)
    assert (
        "written by pipelines to a: holds: memory: should be 'release', 'raise' or 'stuck'"
        in told.out
    )
    assert lab.states() == {"a": "ready"}
    assert lab.attempts("a") == []


def test_a_policy_that_a_pipeline_writes_wrong_after_the_build_is_told(
    lab: Any, pool: Pool, simple: Any
) -> None:
    def submit_dag(self: Any, dryrun: bool = False) -> Any:
        self.production.meta["holds"] = {"memory": "rise"}
        return simple.submit_dag(self, dryrun)

    lab.register("writing", type("P", (simple,), {"submit_dag": submit_dag}))
    job = start(lab, "pipeline: writing")
    pool.held = (Held(job, 0, None, 34, 102, "over", time.time(), 1024.0),)
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert "holds: memory: should be 'release', 'raise' or 'stuck'" in lab.reason("a")


KILLED = """
import os, signal, sys, time
from asimov.cli import main
from asimov.engine import holds
from asimov.scheduler import JobState, Present
from asimov.scheduler.observations import Held
from asimov.scheduler.local import LocalScheduler

def observe(self, tickets):
    held = lambda each: (Held(each.job_id, 0, None, 11, 0, "protocol", since=time.time() - 5),)
    return {e.uid: Present(e.job_id, JobState.HELD, "protocol", 11, None, held(e)) for e in tickets}

LocalScheduler.observe = observe
LocalScheduler.release = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
holds.SETTLING = 0.0
main()
"""


def test_a_kill_between_the_count_and_the_release_costs_one_try_and_never_loops(lab: Any) -> None:
    start(lab, "holds: {transient: {times: 3, pause: 0}}")
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, "monitor"],
            cwd=lab.root, check=False, capture_output=True, text=True, env=os.environ,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "monitor"],
        cwd=lab.root, check=False, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "it was already released 3 times" in lab.reason("a")


def test_arguments_that_are_too_long_are_not_tried_again(lab: Any) -> None:
    """Linux passes no argument of more than 131,071 bytes; the job is held, by the real queue."""
    job = "a, pipeline: command, executable: /bin/true, outputs: {made: x}"
    lab.apply(f"{job}, arguments: [{'a' * 140_000}]")
    lab.finish(code=3)
    row = lab.rows()["a"]
    assert row["status"] == "stuck"
    assert "permanent, code 6, subcode 7" in row["reason"]
