"""Random lives of jobs, with faults in every source that reports on them.

A model knows the truth. It writes a real event log with events repeated, late, missing and half
written; the log is cut, rotated and deleted; the queue and the history answer right, empty, late
or not at all. Whatever happens, what is said of the job must not be wrong.

Of a log it is taken for granted that events of submission are not lost one by one.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from asimov.errors import SchedulerUnreachableError
from asimov.scheduler.htcondor import log_news, observation
from asimov.scheduler.htcondor.job_ads import JobStatus
from asimov.scheduler.htcondor.log_follower import LogFollower
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.languages import event_log_writer as write
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.languages.events import Event, EventType
from asimov.scheduler.observations import Gone, JobState, NotFound, Observation, Present, Unknown
from tests.scheduler.event_logs import tagged_clusters
from tests.searching import sizes

CLUSTER, UID = 7, "u"
#: What a source does when it is asked.
HEALTH = st.sampled_from(["right", "right", "empty", "unreachable"])
#: What befalls an event on its way into the log.
FATE = st.sampled_from(["once", "once", "once", "twice", "late", "never", "torn", "slow", "alone"])


class Store(dict[str, bytes]):
    def load(self) -> dict[str, bytes]:
        return dict(self)

    def save(self, changed: Mapping[str, bytes]) -> None:
        self.update(changed)


@dataclass
class Process:
    """The true state of a process."""

    state: JobStatus = JobStatus.IDLE
    code: int | None = None
    signal: int | None = None
    in_history: bool = False
    since: float = field(default_factory=time.time)

    @property
    def ended(self) -> bool:
        return self.state in (JobStatus.COMPLETED, JobStatus.REMOVED)

    def ad(self, number: int) -> dict[str, Any]:
        ad: dict[str, Any] = {
            "AsimovUID": UID,
            "ClusterId": CLUSTER,
            "ProcId": number,
            "QDate": int(time.time()),
            "JobStatus": int(self.state),
            "EnteredCurrentStatus": int(self.since),
        }
        if self.code is not None:
            ad["ExitCode"] = self.code
        if self.signal is not None:
            ad.update(ExitBySignal=True, ExitSignal=self.signal)
        return ad


class Answering:
    """The schedd, where it answers."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.queue_is = self.history_is = "right"

    def _ads(self, health: str, numbers: list[int]) -> list[dict[str, Any]]:
        if health == "unreachable":
            raise SchedulerUnreachableError("the schedd is away")
        if health == "empty":
            return []
        total = {"TotalSubmitProcs": len(self.processes)}
        return [{**self.processes[number].ad(number), **total} for number in numbers]

    def queue(self, constraint: str, projection: Sequence[str]) -> list[dict[str, Any]]:
        there = [n for n, each in enumerate(self.processes) if not each.ended]
        return self._ads(self.queue_is, there)

    def history(
        self, constraint: str, projection: Sequence[str], since: float | None
    ) -> list[dict[str, Any]]:
        there = [n for n, each in enumerate(self.processes) if each.in_history]
        return self._ads(self.history_is, there)


class Lives(RuleBasedStateMachine):
    """The life of a job of one to three processes."""

    @initialize(numbered=st.booleans(), count=st.sampled_from([2, 1, 3, 0]))
    def intend(self, numbered: bool, count: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.log = self.folder / "job.log"
        self.schedd = Answering()
        self.store = Store()
        self.book = LogFollower(self.store)
        self.told: Gone | None = None
        self.began = time.time() - 60
        self.ticks = 0
        self.numbered = numbered
        self.late: list[list[Event]] = []
        self.unwritten = b""
        self.written: list[list[Event]] = []
        if count:
            self.submit(count)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.converge()
            shutil.rmtree(self.folder)

    # --- what truly happens

    def _any(*states: JobStatus) -> Any:  # type: ignore[misc]
        return precondition(lambda self: self._some(0, *states))

    @precondition(lambda self: not self.schedd.processes)
    @rule(count=st.integers(1, 3))
    def submit(self, count: int) -> None:
        self.schedd.processes = [Process() for _ in range(count)]
        now = self._now()
        for proc in range(count):
            self._write(self._unit(write.submitted(CLUSTER, proc, now)[0]), "once")

    def _some(self, number: int, *states: JobStatus) -> tuple[int, Process] | None:
        fit = [(n, p) for n, p in enumerate(self.schedd.processes) if p.state in states]
        return fit[number % len(fit)] if fit else None

    @_any(JobStatus.IDLE)
    @rule(number=st.integers(0, 2), fate=FATE)
    def execute(self, number: int, fate: str) -> None:
        if some := self._some(number, JobStatus.IDLE):
            some[1].state = JobStatus.RUNNING
            self._tell(write.executing(CLUSTER, some[0], self._now()), fate)

    @_any(JobStatus.RUNNING)
    @rule(number=st.integers(0, 2), kind=st.sampled_from([4, 7, 24]), fate=FATE, code=st.booleans())
    def evict(self, number: int, kind: int, fate: str, code: bool) -> None:
        if some := self._some(number, JobStatus.RUNNING):
            some[1].state = JobStatus.IDLE
            lines = ("(1) Job terminated and was requeued",)
            lines += ("(1) Normal termination (return value 1)",) if code else ()
            self._tell(Event(kind, CLUSTER, some[0], self._now(), "Evicted.", lines), fate)

    @_any(JobStatus.IDLE, JobStatus.RUNNING)
    @rule(number=st.integers(0, 2), fate=FATE)
    def hold(self, number: int, fate: str) -> None:
        if some := self._some(number, JobStatus.IDLE, JobStatus.RUNNING):
            some[1].state = JobStatus.HELD
            self._tell(write.held(CLUSTER, some[0], self._now(), "why", code=6), fate)

    @_any(JobStatus.HELD)
    @rule(number=st.integers(0, 2), fate=FATE)
    def release(self, number: int, fate: str) -> None:
        if some := self._some(number, JobStatus.HELD):
            some[1].state = JobStatus.IDLE
            self._tell(write.released(CLUSTER, some[0], self._now(), "again"), fate)

    @_any(JobStatus.RUNNING)
    @rule(
        number=st.integers(0, 2),
        code=st.sampled_from([0, 0, 1, 3, None]),
        fate=FATE,
        recorded=st.booleans(),
    )
    def terminate(self, number: int, code: int | None, fate: str, recorded: bool) -> None:
        if some := self._some(number, JobStatus.RUNNING):
            self._end(some[0], code, fate, recorded)

    def _end(self, proc: int, code: int | None, fate: str, recorded: bool) -> None:
        process, signal = self.schedd.processes[proc], 9 if code is None else None
        process.state, process.code, process.signal = JobStatus.COMPLETED, code, signal
        process.in_history = recorded
        ended = write.terminated(CLUSTER, proc, self._now(), exit_code=code, signal=signal)
        self._tell(ended, fate)

    @_any(JobStatus.IDLE, JobStatus.RUNNING, JobStatus.HELD)
    @rule(number=st.integers(0, 2), fate=FATE, recorded=st.booleans())
    def abort(self, number: int, fate: str, recorded: bool) -> None:
        if some := self._some(number, JobStatus.IDLE, JobStatus.RUNNING, JobStatus.HELD):
            some[1].state, some[1].in_history = JobStatus.REMOVED, recorded
            self._tell(write.aborted(CLUSTER, some[0], self._now(), "removed"), fate)

    @rule()
    def history_catches_up(self) -> None:
        for process in self.schedd.processes:
            process.in_history = process.ended

    # --- what befalls the log

    @rule(which=st.integers(0, 50))
    def repeat(self, which: int) -> None:
        if self.written:
            self._write(self.written[which % len(self.written)], "once")

    @rule(which=st.integers(0, 50))
    def a_late_event_comes(self, which: int) -> None:
        if self.late:
            self._write(self.late.pop(which % len(self.late)), "once")

    @rule(node=st.booleans())
    def others_write(self, node: bool) -> None:
        tags = {"AsimovUID": UID, "DAGManJobId": "7"} if node else {"AsimovUID": "other"}
        cluster = 9 if node else 8
        events = write.submitted(cluster, 0, self._now(), tags=tags)
        self._write([*events, write.terminated(cluster, 0, self._now(), exit_code=5)], "once")

    @rule(part=st.sampled_from([0, 0, 1, 3, 5, 9]))
    def cut(self, part: int) -> None:
        if self.log.exists():
            data = self.log.read_bytes()
            self.log.write_bytes(data[: len(data) * part // 10])

    @rule()
    def lose_the_beginning(self) -> None:
        if self.log.exists():
            data = self.log.read_bytes()
            self.log.write_bytes(data[len(data) // 2 :])

    @rule(end=st.sampled_from([".old", ".1"]))
    def rotate(self, end: str) -> None:
        if self.log.exists():
            self.log.rename(f"{self.log}{end}")

    @rule()
    def vanish(self) -> None:
        self.log.unlink(missing_ok=True)

    @_any(JobStatus.IDLE, JobStatus.RUNNING)
    @rule(number=st.integers(0, 2), code=st.sampled_from([0, 1, 3, None]), fate=FATE)
    def run(self, number: int, code: int | None, fate: str) -> None:
        """Start and end a process, the most frequent events."""
        proc, _ = self._some(number, JobStatus.IDLE, JobStatus.RUNNING) or (0, None)
        if self.schedd.processes[proc].state == JobStatus.IDLE:
            self.schedd.processes[proc].state = JobStatus.RUNNING
            self._tell(write.executing(CLUSTER, proc, self._now()), "once")
        self._end(proc, code, fate, recorded=code == 0)

    # --- what is said

    @rule(cached=st.booleans())
    def another_process_goes_on(self, cached: bool) -> None:
        if not cached:
            self.store.clear()
        self.book = LogFollower(self.store)
        self.told = None

    @rule(queue=HEALTH, history=HEALTH)
    def observe_again(self, queue: str, history: str) -> None:
        self.observe(queue, history)

    @rule(queue=st.sampled_from(["empty", "unreachable"]), history=HEALTH)
    def observe_while_the_queue_is_wrong(self, queue: str, history: str) -> None:
        self.observe(queue, history)

    @rule(queue=HEALTH, history=HEALTH)
    def observe(self, queue: str, history: str) -> None:
        answer = self._ask(queue, history)
        truth = self.schedd.processes
        there = any(not each.ended for each in truth)
        if queue == "unreachable":
            assert isinstance(answer, Unknown) or (
                isinstance(answer, Gone) and answer.evidence == "event log"
            ), answer
        if queue == "right" and there:
            assert isinstance(answer, Present), answer
            self._check_state(answer)
        else:
            assert not isinstance(answer, Present), answer
        if isinstance(answer, NotFound):
            recorded = bool(truth) and all(each.in_history for each in truth)
            assert not (history == "right" and recorded), answer
            assert history != "unreachable"
            assert not self._log_tells(), answer

    @rule()
    def hear_news(self) -> None:
        news = log_news.news(self.book, [self._ticket()])
        assert log_news.news(self.book, [self._ticket()]) == {}
        if UID in news:
            assert isinstance(news[UID], (Present, Gone))
            self._check(news[UID])

    def converge(self) -> None:
        """Whatever happened: once every source works again, the answer is the truth."""
        self.history_catches_up()
        truth = self.schedd.processes
        answer = self._ask("right", "right")
        if any(not each.ended for each in truth):
            assert isinstance(answer, Present), answer
            self._check_state(answer)
        elif truth:
            assert isinstance(answer, Gone), answer
        else:
            assert isinstance(answer, NotFound), answer

    # --- tools

    def _now(self) -> float:
        self.ticks += 1
        return self.began + self.ticks // 3  # several events a second

    def _unit(self, event: Event) -> list[Event]:
        """Return an event with the 028 that HTCondor writes after each."""
        told = {"AsimovUID": f'"{UID}"', "TotalSubmitProcs": str(len(self.schedd.processes))}
        lines = tuple(f" {name} = {value}" for name, value in told.items())
        number, when = EventType.JOB_AD_INFORMATION, event.time
        return [event, Event(number, CLUSTER, event.proc, when, "Job ad information.", lines)]

    def _tell(self, event: Event, fate: str) -> None:
        self._write(self._unit(event), fate)

    def _write(self, events: list[Event], fate: str) -> None:
        data = "".join(map(write.event_text, events)).encode()
        if fate in ("never", "late"):
            self.late += [events] * (fate == "late")
            return
        if fate == "alone":  # its event 028 is missing
            events = events[:1]
            data = write.event_text(events[0]).encode()
        self.written.append(events)
        with self.log.open("ab") as stream:
            stream.write(self.unwritten)
            self.unwritten = b""
            if fate == "torn":  # its writer was killed
                stream.write(data[: len(data) // 3])
            elif fate == "slow":  # the rest comes with the next one
                stream.write(data[: len(data) // 2])
                self.unwritten = data[len(data) // 2 :]
            else:
                stream.write(data * (2 if fate == "twice" else 1))

    def _ticket(self) -> Ticket:
        known = self.numbered and self.schedd.processes
        return Ticket(UID, CLUSTER if known else None, self.began - 1, (str(self.log),))

    def _ask(self, queue: str, history: str) -> Observation:
        self.schedd.queue_is, self.schedd.history_is = queue, history
        answer = observation.observe(
            self.schedd,  # type: ignore[arg-type]
            "project",
            [self._ticket()],
            self.book,
        )[UID]
        self._check(answer)
        return answer

    def _check(self, answer: Observation) -> None:
        """A source that reports on the job must know it, and its end only once it has ended."""
        truth = self.schedd.processes
        if isinstance(answer, (Present, Gone)):
            assert truth and answer.job_id == CLUSTER, answer
        if self.told is not None:
            assert answer == self.told  # whatever came of the log since
        if isinstance(answer, Gone):
            if answer.evidence == "event log":
                self.told = answer
            assert all(each.ended for each in truth), answer
            codes = [each.code for each in truth]
            code = next((code for code in codes if code), None if None in codes else 0)
            assert answer.exit_code == code, (answer, codes)
            assert answer.removed == any(each.state == JobStatus.REMOVED for each in truth)
            signals = [each.signal for each in truth if each.signal is not None]
            assert answer.signal == (signals[0] if signals else None)

    def _check_state(self, answer: Present) -> None:
        states = [each.state for each in self.schedd.processes]
        held = [n for n, state in enumerate(states) if state == JobStatus.HELD]
        assert sorted(each.process for each in answer.held) == held
        if JobStatus.RUNNING in states:
            assert answer.state is JobState.RUNNING
        else:
            idle = JobStatus.IDLE in states
            assert answer.state is (JobState.IDLE if idle else JobState.HELD)

    def _log_tells(self) -> bool:
        events, _ = read_events(self.log)
        if self._ticket().job_id is None:
            return CLUSTER in tagged_clusters(events, "AsimovUID", UID)
        return any(event.cluster == CLUSTER for event in events)


@pytest.mark.parametrize("size", sizes())
def test_in_hundreds_of_histories_nothing_wrong_is_said(size: float) -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=int(250 * size),
            stateful_step_count=30,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_an_end_that_was_cut_off_and_written_over_is_no_end_without_a_code() -> None:
    life = Lives()
    life.intend(numbered=False, count=1)
    life.vanish()
    life.run(code=0, fate="once", number=0)
    life.cut(part=3)
    life.others_write(node=False)
    life.observe(history="right", queue="right")
    life.teardown()


def test_a_part_of_the_history_is_no_end_of_a_job_however_long_ago_it_ended(tmp_path: Path) -> None:
    schedd = Answering()
    schedd.queue_is = "empty"
    long_ago = time.time() - 5000
    ended = Process(JobStatus.COMPLETED, code=0, in_history=True)
    ended.since = long_ago
    schedd.processes = [ended, Process(JobStatus.RUNNING)]
    log = tmp_path / "job.log"
    for proc in (0, 1):
        write.append_events(log, write.submitted(CLUSTER, proc, long_ago))
    write.append_events(log, [write.terminated(CLUSTER, 0, long_ago, exit_code=0)])

    def answer(*logs: str) -> Observation:
        ticket = Ticket(UID, CLUSTER, long_ago - 1, logs)
        return observation.observe(schedd, "project", [ticket])[UID]  # type: ignore[arg-type]

    for told in (answer(), answer(str(log))):
        assert isinstance(told, Unknown) and "1 of 2 processes" in told.reason


def test_a_job_whose_log_can_not_be_read_is_not_called_unknown_to_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "job.log"
    log.touch()
    ticket = Ticket(UID, CLUSTER, time.time() - 60, (str(log),))

    def answer() -> Observation:
        return observation.observe(Answering(), "project", [ticket])[UID]  # type: ignore[arg-type]

    assert isinstance(answer(), NotFound)

    def broken(*arguments: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", broken)
        told = answer()
    assert told == Unknown(f"event log {log}: Permission denied")
