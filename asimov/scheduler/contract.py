"""What asimov asks of a scheduler, and what a scheduler may answer.

A scheduler is a class found by the entry-point group ``asimov.schedulers``.
It submits jobs and DAGs, says what it knows of many jobs in one call, and
removes, holds and releases them. It gives evidence and never a verdict: that a
job is absent from the queue is not an answer (`Present`, `Gone` and `Unknown`
are), and what an answer means for an analysis is for the engine to decide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from asimov.errors import SchedulerError


class JobDescription:
    """One job for a scheduler to run.

    Parameters
    ----------
    executable
        The program, as an absolute path or a name to be found on ``PATH``.
    output, error, log
        Where the job's standard output, standard error and event log go.
    **kwargs
        Any further submit commands by HTCondor's names (``arguments``, ``initialdir``,
        ``request_memory``, ...), with ``_`` or a space between words. ``queue`` is the
        number of processes (1). `cpus`, `memory`, `disk` and `gpus` are short for the requests.
    """

    def __init__(
        self,
        executable: str | Path,
        output: str | Path | None = None,
        error: str | Path | None = None,
        log: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        self.executable = executable
        self.output = output
        self.error = error
        self.log = log
        self.kwargs = kwargs

    def commands(self) -> dict[str, str]:
        """Return the submit commands, ``queue`` aside, by HTCondor's names as text."""
        named = {
            "executable": self.executable,
            "output": self.output,
            "error": self.error,
            "log": self.log,
            **self.kwargs,
        }
        named.pop("queue", None)
        return {
            submit_command(key): submit_value(value)
            for key, value in named.items()
            if value is not None
        }

    @property
    def count(self) -> int:
        """The number of processes to queue."""
        return int(self.kwargs.get("queue", 1))


_REQUESTS = {"cpus", "memory", "disk", "gpus"}


def submit_command(key: str) -> str:
    """Return HTCondor's name of the submit command that a setting names.

    >>> submit_command("request memory"), submit_command("cpus")
    ('request_memory', 'request_cpus')
    """
    name = key.strip().replace(" ", "_")
    return f"request_{name}" if name.lower() in _REQUESTS else name


def submit_value(value: object) -> str:
    """Return a value as HTCondor's submit language writes it (booleans in lower case)."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Tag:
    """Whose job it is; stands in the job's ClassAd and in its event log.

    Attributes
    ----------
    project
        The project's identity, unique among all projects of all users.
    analysis
        ``subject/name``.
    uid
        The identity of one attempt to run the analysis.
    """

    project: str
    analysis: str
    uid: str

    def attributes(self) -> dict[str, str]:
        """Return the ClassAd attributes, unquoted."""
        return {
            "AsimovProject": self.project,
            "AsimovAnalysis": self.analysis,
            "AsimovUID": self.uid,
        }


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is known of a job that is asked about.

    Attributes
    ----------
    uid
        The attempt's identity, as in its `Tag`.
    job_id
        The job's cluster; None where the submission was intended and its outcome is not known.
    since
        When the submission was intended, in seconds since the epoch; nothing older is the job.
    logs
        Event logs that may hold the job's events.
    """

    uid: str
    job_id: int | None
    since: float
    logs: tuple[str, ...] = ()


class JobState(str, Enum):
    """The state of a job that a scheduler has."""

    IDLE = "idle"
    RUNNING = "running"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a DAG or a cluster of several processes has come, in nodes or processes."""

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


@dataclass(frozen=True, slots=True)
class Held:
    """A process that is on hold: of the job itself, or of a node of the DAG that it runs.

    Attributes
    ----------
    job_id, process
        The process's own cluster, and its number in it.
    node
        The DAG's node; None where the job is no DAG.
    code, subcode, reason
        HTCondor's ``HoldReasonCode``, ``HoldReasonSubCode`` and ``HoldReason``.
    since
        When it was held, in seconds since the epoch.
    memory_mb, disk_kb
        What it asked for; None where it asked for nothing or that is not known.
    memory_used_mb, disk_used_kb
        What it was seen to use.
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


@dataclass(frozen=True, slots=True)
class Present:
    """The scheduler has the job.

    Attributes
    ----------
    reason, code
        Why it is held, where it is; otherwise a line about it, if there is one to say.
    held
        Its processes, or nodes, that are on hold, as far as they are known.
    """

    job_id: int
    state: JobState
    reason: str | None = None
    code: int | None = None
    progress: Progress | None = None
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """The job has left, and something says how.

    Attributes
    ----------
    exit_code
        Of the process; of several, the first that is not 0. None for a job that was removed or
        was ended by a signal.
    evidence
        What says so: ``"queue"``, ``"event log"`` or ``"history"``.
    reason
        One line for people, such as ``"removed by user (condor_rm)"``.
    """

    job_id: int
    exit_code: int | None
    evidence: str
    ended_at: float | None = None
    signal: int | None = None
    removed: bool = False
    reason: str | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing can be said of the job; `reason` tells why."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """Every source that could know the job answered, and none does.

    Attributes
    ----------
    asked
        The sources: ``("queue", "event log", "history")``.
    """

    asked: tuple[str, ...]


Observation = Present | Gone | Unknown | NotFound


@dataclass(frozen=True, slots=True)
class Listed:
    """A job that a scheduler knows by its tag, whether it is there or has ended.

    Attributes
    ----------
    since
        When it was submitted, in seconds since the epoch by the scheduler's clock.
    """

    tag: Tag
    job_id: int
    since: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a job used, summed over its processes or nodes.

    Attributes
    ----------
    wall_seconds, cpu_seconds
        Time, in seconds.
    memory_mb
        The largest resident size of any one process, in MB; None where not measured.
    processes
        How many processes ran.
    memory_requested_mb
        The most memory that any one process asked for, in MB.
    slots
        The processors that all processes together were given: ``RequestCpus`` summed.
    restarts
        How often processes were started again, a node's retries included.
    """

    wall_seconds: float
    cpu_seconds: float | None = None
    memory_mb: float | None = None
    processes: int = 1
    memory_requested_mb: float | None = None
    slots: int | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A process that failed: of the job itself, or of a node of the DAG that it ran.

    Attributes
    ----------
    job_id
        The process's own cluster; None where a node's script failed and nothing was submitted.
    node
        The DAG's node; None where the job is no DAG.
    exit_code, signal
        How it ended; both None for one that was removed.
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


class BookmarkStore(Protocol):
    """Where a scheduler keeps how far it has read event logs, from one command to the next."""

    def load(self) -> dict[str, bytes]:
        """Return every bookmark by its log's absolute path."""

    def save(self, changed: Mapping[str, bytes]) -> None:
        """Keep bookmarks that are new or have changed; an empty one is forgotten."""


@dataclass
class Scheduler(ABC):
    """Where jobs run.

    Errors of every method: `SchedulerUnreachableError` where the scheduler can't be asked,
    `SchedulerError` where it refuses.
    """

    name: ClassVar[str]
    #: Where bookmarks in event logs are kept; without one logs are read from their beginning.
    bookmarks: BookmarkStore | None = field(default=None, init=False, repr=False)
    _tag: Tag | None = field(default=None, init=False, repr=False)

    @classmethod
    @abstractmethod
    def from_project(cls, root: Path, config: ConfigParser) -> Scheduler:
        """Return the scheduler for the project in `root`; contacts nothing."""

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """Within the block, every job submitted by this process or its children carries `tag`."""
        previous, self._tag = self._tag, tag
        try:
            yield
        finally:
            self._tag = previous

    @abstractmethod
    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster and return its number.

        Parameters
        ----------
        job
            A description, or the path of a file in HTCondor's submit language.
        """

    @abstractmethod
    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file and return the cluster of the job that runs it.

        A rescue file beside the DAG file is used. `commands` are further submit commands
        (accounting group, ...), for the job that runs the DAG and for its nodes.
        """

    @abstractmethod
    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Say what is known of each job, by `Ticket.uid`; an answer for every ticket.

        Never raises for an unreachable scheduler: every answer is then `Unknown`.
        Changes nothing.
        """

    def wake(self) -> None:  # noqa: B027  (most schedulers run without asimov's help)
        """Make sure that submitted jobs are being run; called by commands that may act."""

    @abstractmethod
    def remove(self, job_id: int, reason: str = "") -> None:
        """Remove the job; of a DAG, its nodes too. A job that is not there is no error."""

    @abstractmethod
    def hold(self, job_id: int, reason: str = "") -> None:
        """Put the job on hold."""

    @abstractmethod
    def release(self, job_id: int, reason: str = "") -> None:
        """Release the job from hold."""

    @abstractmethod
    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return what jobs used that have ended, of a DAG its nodes, by the job's number.

        One question for all of them. A job of which nothing is known, or nothing yet, is left out.

        Parameters
        ----------
        job_ids
            The clusters.
        since
            When the first of them was submitted, in seconds since the epoch.
        """

    # --- what a scheduler may know besides; one that does not is left as it is here

    @property
    def place(self) -> str:
        """Which one of several it is, such as the schedd's name; empty where there is one only.

        It is kept with each attempt, so that the job is looked for where it was submitted even
        when the configuration names another by then. Contacts nothing that may not answer.
        """
        return ""

    def at(self, place: str) -> Scheduler:
        """Return the scheduler of this kind at a place that `place` told; ``""`` is this one."""
        return self

    @property
    def shortest_interval(self) -> float:
        """How many seconds should lie between two questions of a command that goes on asking."""
        return 0.0

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return what has changed since the same was asked last, without asking the scheduler.

        Reads event logs as far as they have grown. An answer says no less than `observe` would:
        a job that is known to run, to be held, or to have ended. Jobs of which there is nothing
        new are left out, and nothing is said of jobs that are not found.
        """
        return {}

    def failures(self, job_id: int, since: float) -> list[Failure]:
        """Return what failed of a job that has ended, the first failure first."""
        return []

    def explain(self, job_id: int) -> list[str]:
        """Say in lines for people why a job that is there is not running."""
        return []

    def queued(self) -> int | None:
        """Return how many of the project's jobs, nodes of DAGs included, wait to run.

        None where the scheduler does not count them.
        """
        return None

    def jobs_of_project(self) -> list[Listed] | None:
        """Return every job that carries the project's tag, ended ones too, as far as it knows.

        For a project that has lost its own record of them. The jobs of a DAG's nodes are left
        out. None where the scheduler can't list them.
        """
        return None

    def raise_requests(
        self, job_id: int, *, memory_mb: int | None = None, disk_kb: int | None = None
    ) -> None:
        """Change what a job in the queue asks for; it takes effect when it is matched again."""
        raise SchedulerError(f"{self.name} can't change what a job asks for")

    @abstractmethod
    def start_service(self, arguments: Sequence[str], log: Path) -> int:
        """Keep a command running until `remove`, restarted if it dies; return its job id.

        Parameters
        ----------
        arguments
            The program (absolute) and its arguments.
        log
            A file that receives the command's output.
        """
