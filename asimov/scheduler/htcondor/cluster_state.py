"""The state of one cluster of HTCondor's jobs, updated from the events in its log.

Logs can repeat and lack events, and only the order of submission and termination is certain. So any
event can be taken any number of times: the first event that ended a process counts, and before an
end the event with the latest time. A log can be read again from its beginning into the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from asimov.scheduler.languages.events import Event, EventType
from asimov.scheduler.observations import Held, Present, Progress, overall_state

#: Processes with higher numbers are not followed, so that a damaged log can't exhaust memory.
#: HTCondor allows an owner 100,000 jobs unless a site configures more.
_MOST = 200_000
#: How many held processes keep their reasons; of the others only the state is known.
_REASONS = 50
#: Longer reasons are cut, in characters.
_LONG = 500


class Phase(IntEnum):
    """The phase of a process, from its events."""

    UNSEEN = 0
    IDLE = 1
    RUNNING = 2
    HELD = 3
    DONE = 4
    FAILED = 5


#: Combined with the phase of a process whose submission event was seen.
_SUBMITTED = 0x10
_PHASE = 0x0F
_IDLE_AGAIN = {EventType.EVICTED, EventType.SHADOW_EXCEPTION, EventType.RECONNECT_FAILED}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a cluster ended, from its log.

    Attributes
    ----------
    exit_code
        The first process's by number that is not 0, or 0; None where one was removed or killed by a
        signal and the others returned 0.
    signal
        The first signal that killed a process.
    removed
        Whether a process was removed.
    """

    exit_code: int | None
    signal: int | None
    removed: bool
    ended_at: float | None
    reason: str | None
    progress: Progress
    started_at: float | None = None


class Reason(msgspec.Struct, array_like=True, gc=False):
    """Why a process is on hold, and since when."""

    text: str | None
    code: int | None
    subcode: int | None
    since: float | None


class ClusterState(msgspec.Struct, array_like=True):
    """What is known about one cluster.

    A process takes one byte for its phase and a number for its time, and only the byte once it has
    ended.

    Attributes
    ----------
    total
        How many processes were submitted, where known; otherwise 0.
    uid, dag
        The attributes ``AsimovUID`` and ``DAGManJobId``, where the log has them.
    started_at
        When the first process began to run, in seconds since the epoch.
    cpu_seconds, memory_mb, memory_requested_mb
        The time of all ended processes; the largest resident size and request of any process.
    """

    phases: bytearray = msgspec.field(default_factory=bytearray)
    times: list[int] = msgspec.field(default_factory=list)
    total: int = 0
    materializes: bool = False
    closed: bool = False
    beyond: bool = False
    held: dict[int, Reason] = msgspec.field(default_factory=dict)
    failure: tuple[int, int] | None = None
    signal: tuple[int, int] | None = None
    removal: tuple[int, str | None] | None = None
    codeless: bool = False
    ended_at: float | None = None
    uid: str | None = None
    dag: int | None = None
    cpu_seconds: float | None = None
    memory_mb: float | None = None
    memory_requested_mb: float | None = None
    started_at: float | None = None

    def expect(self, total: int) -> None:
        """Learn how many processes were submitted."""
        self.total = max(self.total, total)

    def take(self, event: Event) -> None:
        """Take an event of this cluster."""
        if event.number == EventType.CLUSTER_SUBMIT:
            # Late materialization: the number of processes is not known yet.
            self.materializes = True
        elif event.number == EventType.CLUSTER_REMOVE:
            self.closed = True
        elif event.number == EventType.JOB_AD_INFORMATION:
            self._take_attributes(event)
        if event.proc < 0:
            return
        if event.proc >= _MOST:
            self.beyond = True
            return
        missing = event.proc + 1 - len(self.phases)
        if missing > 0:
            self.phases.extend(bytes(missing))
            self.times.extend([0] * missing)
        if event.number == EventType.EXECUTE and event.time is not None:
            self.started_at = min(self.started_at or event.time, event.time)
        self._take_process(event)

    def _take_attributes(self, event: Event) -> None:
        attributes = event.attributes
        self.uid = attributes.get("AsimovUID", self.uid)
        self.dag = _integer(attributes.get("DAGManJobId")) or self.dag
        self.expect(_integer(attributes.get("TotalSubmitProcs")) or 0)
        requested = _integer(attributes.get("RequestMemory"))
        self.memory_requested_mb = _most(self.memory_requested_mb, requested)

    def _take_process(self, event: Event) -> None:
        proc = event.proc
        if event.number == EventType.SUBMIT:
            self.phases[proc] |= _SUBMITTED
        phase = self.phases[proc] & _PHASE
        if phase >= Phase.DONE:
            return
        if event.number in (EventType.TERMINATED, EventType.ABORTED):
            self._end(event)
            return
        if phase == Phase.UNSEEN:
            self._move(proc, Phase.IDLE)
        self.memory_mb = _most(self.memory_mb, event.memory_mb)
        self.memory_requested_mb = _most(self.memory_requested_mb, event.memory_requested_mb)
        now = int(event.time or 0)
        stale = event.time is not None and now < self.times[proc]
        if stale:
            return
        if event.number == EventType.EXECUTE:
            self._move(proc, Phase.RUNNING)
        elif event.number == EventType.HELD:
            self._move(proc, Phase.HELD)
            if len(self.held) < _REASONS:
                text = event.reason[:_LONG] if event.reason else None
                self.held[proc] = Reason(text, event.code, event.subcode, event.time)
        elif event.number == EventType.RELEASED:
            self._move(proc, Phase.IDLE)
        elif event.number in _IDLE_AGAIN:
            # A held process does not run; an event of the same second belongs to the same hold.
            if phase == Phase.HELD and now <= self.times[proc]:
                return
            self._move(proc, Phase.IDLE)
        else:
            return
        self.times[proc] = now

    def _move(self, proc: int, phase: Phase) -> None:
        self.phases[proc] = self.phases[proc] & _SUBMITTED | phase
        if phase != Phase.HELD:
            self.held.pop(proc, None)

    def _end(self, event: Event) -> None:
        if _is_cut_off(event):
            return
        proc, code, signal = event.proc, event.exit_code, event.signal
        self._move(proc, Phase.DONE if code == 0 else Phase.FAILED)
        self.times[proc] = 0  # keeps the stored form small when many have ended
        if code is None:
            self.codeless = True
        elif code and (self.failure is None or proc < self.failure[0]):
            self.failure = proc, code
        if signal is not None and (self.signal is None or proc < self.signal[0]):
            self.signal = proc, signal
        if event.number == EventType.ABORTED and (self.removal is None or proc < self.removal[0]):
            self.removal = proc, event.reason[:_LONG] if event.reason else None
        if event.time is not None:
            self.ended_at = max(self.ended_at or 0, event.time)
        self.memory_mb = _most(self.memory_mb, event.memory_mb)
        self.memory_requested_mb = _most(self.memory_requested_mb, event.memory_requested_mb)
        if event.cpu_seconds is not None:
            self.cpu_seconds = (self.cpu_seconds or 0) + event.cpu_seconds

    @property
    def sure(self) -> bool:
        """Whether the number of processes is known and all of them were seen."""
        if self.materializes:
            return self.closed
        return 0 < self.total <= len(self.phases)

    @property
    def whole(self) -> bool:
        """Whether `sure`, or the log shows the submission of every process in it.

        Processes that write their own logs may be missing.
        """
        return self.sure or (
            not self.materializes and all(byte & _SUBMITTED for byte in self.phases)
        )

    def ending(self) -> Ending | None:
        """Return how the cluster ended; None unless the log shows that all its processes did."""
        counts = self._counts()
        ended = counts[Phase.DONE] + counts[Phase.FAILED]
        if not ended or ended < max(len(self.phases), self.total):
            return None
        if self.beyond or (self.materializes and not self.closed):
            return None
        code = self.failure[1] if self.failure else None if self.codeless else 0
        return Ending(
            exit_code=code,
            signal=self.signal[1] if self.signal else None,
            removed=self.removal is not None,
            ended_at=self.ended_at,
            reason=self.removal[1] if self.removal else None,
            progress=Progress(ended, counts[Phase.DONE], counts[Phase.FAILED]),
            started_at=self.started_at,
        )

    def present(self, job_id: int) -> Present | None:
        """Return the state of a cluster that has not ended; None where the log has none of it."""
        if not self.phases or self.ending() is not None:
            return None
        counts = self._counts()
        running, held = counts[Phase.RUNNING], counts[Phase.HELD]
        idle = counts[Phase.IDLE] + counts[Phase.UNSEEN]
        if running + held + idle == 0:
            return None  # all known processes have ended, and there are others
        total = max(len(self.phases), self.total)
        progress = None
        if total > 1:
            done, failed = counts[Phase.DONE], counts[Phase.FAILED]
            progress = Progress(total, done, failed, running, idle + total - len(self.phases), held)
        first = self.held[min(self.held)] if self.held else None
        return Present(
            job_id=job_id,
            state=overall_state(idle=idle, running=running),
            reason=first.text if first else None,
            code=first.code if first else None,
            progress=progress,
            held=tuple(self._held(job_id)),
            started=self.started_at,
        )

    def _held(self, job_id: int) -> list[Held]:
        # In a cluster of several it is unknown which process used the most.
        alone = len(self.phases) == 1
        return [
            Held(
                job_id=job_id,
                process=proc,
                code=reason.code,
                subcode=reason.subcode,
                reason=reason.text,
                since=reason.since,
                memory_mb=self.memory_requested_mb,
                memory_used_mb=self.memory_mb if alone else None,
            )
            for proc, reason in sorted(self.held.items())
        ]

    def _counts(self) -> list[int]:
        return [self.phases.count(phase) + self.phases.count(phase | _SUBMITTED) for phase in Phase]

    def merge(self, other: ClusterState) -> ClusterState:
        """Merge the states of a cluster whose processes write separate logs."""
        both = msgspec.msgpack.decode(msgspec.msgpack.encode(self), type=ClusterState)
        missing = len(other.phases) - len(both.phases)
        if missing > 0:
            both.phases.extend(bytes(missing))
            both.times.extend([0] * missing)
        for proc, theirs in enumerate(other.phases):
            mine = both.phases[proc]
            flag = (mine | theirs) & _SUBMITTED
            mine, phase = mine & _PHASE, theirs & _PHASE
            younger = other.times[proc] > both.times[proc] or mine == Phase.UNSEEN
            if mine < Phase.DONE and (phase >= Phase.DONE or (younger and phase)):
                both._move(proc, Phase(phase))
                both.times[proc] = other.times[proc]
                if proc in other.held:
                    both.held[proc] = other.held[proc]
            both.phases[proc] = both.phases[proc] & _PHASE | flag
        both.expect(other.total)
        both.materializes |= other.materializes
        both.closed |= other.closed
        both.beyond |= other.beyond
        both.codeless |= other.codeless
        for name in ("failure", "signal", "removal"):
            found = [each for each in (getattr(both, name), getattr(other, name)) if each]
            setattr(both, name, min(found, key=lambda each: each[0], default=None))
        for name in ("ended_at", "memory_mb", "memory_requested_mb"):
            setattr(both, name, _most(getattr(both, name), getattr(other, name)))
        if other.cpu_seconds is not None:
            both.cpu_seconds = (both.cpu_seconds or 0) + other.cpu_seconds
        starts = [each for each in (both.started_at, other.started_at) if each is not None]
        both.started_at = min(starts, default=None)
        both.uid, both.dag = both.uid or other.uid, both.dag or other.dag
        return both


def _is_cut_off(event: Event) -> bool:
    """Check whether the end of an event is missing: its writer crashed, or the log was cut.

    Lines behind it are of another event, often of another job. A whole one says how a job ended.
    """
    ended = event.number == EventType.TERMINATED
    return ended and event.exit_code is None and event.signal is None


def _most(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
