"""The answers that a scheduler can give about a job: evidence, never a verdict.

Absence from the queue is not an answer; `Present`, `Gone`, `Unknown` and `NotFound` are. The engine
decides what an answer means for an analysis.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import msgspec


class JobState(str, Enum):
    """The state of a job in the queue."""

    IDLE = "idle"
    RUNNING = "running"
    HELD = "held"


def overall_state(*, idle: int, running: int) -> JobState:
    """Return the state of a cluster that has not ended, from how many of its processes are in each.

    One that runs counts most, then one that is idle; otherwise all are held.
    """
    return JobState.RUNNING if running else JobState.IDLE if idle else JobState.HELD


def first_failure(exit_codes: Iterable[int | None]) -> int | None:
    """Return the exit code of a cluster: the first that is not 0.

    Parameters
    ----------
    exit_codes
        By process; None for one that was removed or was killed by a signal.

    Returns
    -------
    int or None
        0 where every process returned 0; None where some have no exit code and the others returned
        0.

    >>> first_failure([0, None, 3]), first_failure([0, None]), first_failure([0, 0])
    (3, None, 0)
    """
    codes = list(exit_codes)
    return next((code for code in codes if code), None if None in codes else 0)


class Progress(msgspec.Struct, frozen=True):
    """The progress of a DAG in nodes, or of a cluster in processes."""

    total: int
    done: int = 0
    failed: int = 0
    running: int = 0
    idle: int = 0
    held: int = 0

    def __str__(self) -> str:
        text = f"{self.done}/{self.total}"
        extra = [f"{n} {what}" for n, what in ((self.failed, "failed"), (self.held, "held")) if n]
        return f"{text} ({', '.join(extra)})" if extra else text


class Held(msgspec.Struct, frozen=True):
    """A held process, of the job itself or of a node of its DAG.

    Attributes
    ----------
    job_id, process
        The process's own cluster, and its number in it.
    node
        The DAG's node; None where the job is not a DAG.
    code, subcode, reason
        HTCondor's ``HoldReasonCode``, ``HoldReasonSubCode`` and ``HoldReason``.
    since
        When it was held, in seconds since the epoch.
    memory_mb, disk_kb
        Its requests; None where it has none, or they are unknown.
    memory_used_mb, disk_used_kb
        The largest use observed.
    """

    job_id: int
    process: int = 0
    node: str | None = None
    code: int | None = None
    subcode: int | None = None
    reason: str | None = None
    since: float | None = None
    memory_mb: float | None = None
    disk_kb: float | None = None
    memory_used_mb: float | None = None
    disk_used_kb: float | None = None


class Present(msgspec.Struct, frozen=True):
    """The job is in the queue.

    Attributes
    ----------
    reason, code
        Why it is held, where it is; otherwise a remark, if any.
    held
        Its held processes, or nodes, as far as they are known.
    lacks_input
        Whether its input was not, or not yet, handed over: it can't have run.
    started
        When the first of its processes, or nodes, began to run, in seconds since the epoch; None
        where that is not known.
    """

    job_id: int
    state: JobState
    reason: str | None = None
    code: int | None = None
    progress: Progress | None = None
    held: tuple[Held, ...] = ()
    lacks_input: bool = False
    started: float | None = None

    @property
    def activity(self) -> JobState:
        """What it does now: a DAG that runs, but only to wait for machines, is idle."""
        nodes = self.progress
        if self.state is JobState.RUNNING and nodes and nodes.idle and not nodes.running:
            return JobState.IDLE
        return self.state

    @property
    def rests(self) -> bool:
        """Whether nothing of it can run now but what is held."""
        busy = self.progress and (self.progress.running or self.progress.idle)
        return self.state is JobState.HELD or (self.progress is not None and not busy)


class Gone(msgspec.Struct, frozen=True):
    """The job has left the queue, and there is evidence of how.

    Attributes
    ----------
    exit_code
        Of the process; of several, the first that is not 0. None for a job that was removed or
        killed by a signal.
    evidence
        Its source: ``"queue"``, ``"event log"`` or ``"history"``.
    reason
        One line for people, such as ``"removed by user (condor_rm)"``.
    waiting
        Whether what it has left waits for `Scheduler.retrieve`.
    started_at
        When it began to run, in seconds since the epoch; None where that is not known.
    """

    job_id: int
    exit_code: int | None
    evidence: str
    ended_at: float | None = None
    signal: int | None = None
    removed: bool = False
    reason: str | None = None
    progress: Progress | None = None
    waiting: bool = False
    started_at: float | None = None

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than by itself with exit code 0."""
        return self.removed or self.signal is not None or self.exit_code not in {0, None}

    @property
    def ending(self) -> str:
        """How the job ended, in words."""
        if self.removed:
            return f"job {self.job_id} was removed" + (f": {self.reason}" if self.reason else "")
        if self.signal is not None:
            text = f"job {self.job_id} was ended by signal {self.signal}"
            return f"{text} ({self.reason})" if self.reason else text
        text = f"job {self.job_id} ended"
        if self.exit_code is not None:
            text += f" with exit code {self.exit_code}"
        if self.progress and self.progress.failed:
            done, total, failed = self.progress.done, self.progress.total, self.progress.failed
            text += f" ({done} of {total} done, {failed} failed)"
        return text


class Unknown(msgspec.Struct, frozen=True):
    """Nothing certain is known about the job; `reason` says why.

    Attributes
    ----------
    absent
        Whether every source answered and the queue does not have the job. Then, as for a job not
        found, only a person can find out what happened to it.
    refused
        Whether the scheduler refused this user's credentials.
    """

    reason: str
    absent: bool = False
    refused: bool = False


class NotFound(msgspec.Struct, frozen=True):
    """Every source that could know the job answered, and none knows it.

    Attributes
    ----------
    asked
        The sources: ``("queue", "event log", "history")``.
    """

    asked: tuple[str, ...]


Observation = Present | Gone | Unknown | NotFound


class Usage(msgspec.Struct, frozen=True):
    """What a job used, summed over its processes or nodes.

    Attributes
    ----------
    wall_seconds, cpu_seconds
        Time, in seconds.
    memory_mb
        The largest resident size of a single process, in MB; None where not measured.
    processes
        How many processes ran.
    memory_requested_mb
        The largest memory request of a single process, in MB.
    slots
        The processors that all processes together received: the sum of ``RequestCpus``.
    restarts
        How often processes were restarted, including retries of nodes.
    """

    wall_seconds: float
    cpu_seconds: float | None = None
    memory_mb: float | None = None
    processes: int = 1
    memory_requested_mb: float | None = None
    slots: int | None = None
    restarts: int = 0


class Failure(msgspec.Struct, frozen=True):
    """A failed process, of the job itself or of a node of its DAG.

    Attributes
    ----------
    job_id
        The process's own cluster; None where a node's script failed before the submission.
    node
        The DAG's node; None where the job is not a DAG.
    exit_code, signal
        How it ended; both None where it was removed.
    reason
        One line for people, such as ``"its POST script returned 2"``.
    error_file, output_file
        Where its standard error and output went, as absolute paths.
    """

    job_id: int | None
    node: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    error_file: str | None = None
    output_file: str | None = None
