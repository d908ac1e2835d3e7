"""A scheduler that records submissions and runs nothing; a test decides what happens to jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler.contract import Scheduler, check_intended
from asimov.scheduler.jobs import JobDescription, Listed, Tag, Ticket, submit_command, submit_value
from asimov.scheduler.languages.dag_file import read_dag_file
from asimov.scheduler.languages.submit_file import describe, read_submit_file
from asimov.scheduler.observations import (
    Gone,
    JobState,
    NotFound,
    Observation,
    Present,
    Progress,
    Unknown,
    Usage,
)
from asimov.system import clock

_ASKED = ("queue", "event log", "history")


@dataclass(frozen=True)
class Submission:
    """A submission that was recorded.

    Attributes
    ----------
    job_id
        The job number, from 1.
    kind
        ``job``, ``dag`` or ``service``.
    commands
        The submit commands by their names in lower case; for a DAG, those for the whole DAG.
    tag
        The tag that identifies its owner; None without one.
    file
        The submit file or DAG file; None for a job description.
    nodes
        The names of a DAG's nodes.
    batch_name
        The batch name of a DAG.
    at
        The time of the submission, in seconds since the epoch.
    """

    job_id: int
    kind: Literal["job", "dag", "service"]
    commands: dict[str, str]
    tag: Tag | None
    file: Path | None = None
    nodes: tuple[str, ...] = ()
    batch_name: str | None = None
    at: float = 0.0


@dataclass
class RecordingScheduler(Scheduler):
    """Records submissions and requests; jobs stay idle until a test changes that.

    Submitted files are read and refused as the local scheduler does. Jobs that a pipeline submits
    with a program, such as ``condor_submit_dag``, are not recorded.

    Attributes
    ----------
    submissions
        All submissions in order.
    requests
        All requests: ``("remove" | "hold" | "release", job number, reason)``.
    """

    name: ClassVar[str] = "recording"
    submissions: list[Submission] = field(default_factory=list)
    requests: list[tuple[str, int, str]] = field(default_factory=list)
    _answers: dict[int, Observation] = field(default_factory=dict, repr=False)
    _silence: str | None = field(default=None, repr=False)
    _refusal: str | None = field(default=None, repr=False)

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> RecordingScheduler:
        """Return a new recording scheduler; `ScratchProject` provides its own."""
        return cls()

    # --- for tests

    def idle(self, job_id: int, reason: str | None = None) -> None:
        """Make a job idle in the queue."""
        self._answers[job_id] = Present(job_id, JobState.IDLE, reason)

    def running(self, job_id: int, progress: Progress | None = None) -> None:
        """Make a job run."""
        self._answers[job_id] = Present(
            job_id, JobState.RUNNING, progress=progress, started=clock.now()
        )

    def held(self, job_id: int, reason: str = "held by the test", code: int | None = 1) -> None:
        """Put a job on hold; `code` is HTCondor's ``HoldReasonCode``."""
        self._answers[job_id] = Present(job_id, JobState.HELD, reason, code)

    def ended(self, job_id: int, exit_code: int | None = 0, *, signal: int | None = None) -> None:
        """End a job, with an exit code or by a signal."""
        self._answers[job_id] = Gone(
            job_id, None if signal else exit_code, "history", clock.now(), signal
        )

    def removed(self, job_id: int, reason: str = "removed by the test") -> None:
        """Remove a job, as a person would."""
        self._answers[job_id] = Gone(
            job_id, None, "history", clock.now(), removed=True, reason=reason
        )

    def vanished(self, job_id: int) -> None:
        """Make a job disappear from the queue, the logs and the history."""
        self._answers[job_id] = NotFound(_ASKED)

    @contextmanager
    def unreachable(self, reason: str = "the recording scheduler is unreachable") -> Iterator[None]:
        """Answer nothing within the block."""
        self._silence = reason
        try:
            yield
        finally:
            self._silence = None

    @contextmanager
    def refusing(self, reason: str = "refused by the test") -> Iterator[None]:
        """Refuse every submission within the block."""
        self._refusal = reason
        try:
            yield
        finally:
            self._refusal = None

    # --- for asimov

    def submit(self, job: JobDescription | str | Path) -> int:
        """Record one cluster; see `Scheduler.submit`."""
        check_intended()
        path = None if isinstance(job, JobDescription) else Path(job).absolute()
        submit = describe(job) if isinstance(job, JobDescription) else read_submit_file(Path(job))
        commands = {name: setting.value for name, setting in submit.settings.items()}
        return self._record("job", commands, file=path)

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Record a DAG; see `Scheduler.submit_dag`."""
        check_intended()
        path = Path(dag_file).absolute()
        given = {submit_command(key): submit_value(value) for key, value in commands.items()}
        nodes = tuple(read_dag_file(path).nodes)
        return self._record("dag", given, file=path, nodes=nodes, batch_name=batch_name)

    def start_service(self, arguments: Sequence[str], log: Path, **commands: object) -> int:
        """Record a service; see `Scheduler.start_service`."""
        return self._record("service", {"executable": arguments[0], "output": str(log)})

    def _record(
        self, kind: Literal["job", "dag", "service"], commands: dict[str, str], **more: Any
    ) -> int:
        self._reached()
        if self._refusal:
            raise SchedulerError(self._refusal)
        job_id = len(self.submissions) + 1
        made = Submission(job_id, kind, commands, self._tag, at=clock.now(), **more)
        self.submissions.append(made)
        self.idle(job_id)
        return job_id

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return the states that the test has set; see `Scheduler.observe`."""
        return {ticket.uid: self._observe(ticket) for ticket in tickets}

    def _observe(self, ticket: Ticket) -> Observation:
        if self._silence:
            return Unknown(self._silence)
        known = [
            each.job_id for each in self.submissions if each.tag and each.tag.uid == ticket.uid
        ]
        job_id = known[0] if known else ticket.job_id
        return self._answers.get(job_id or 0, NotFound(_ASKED))

    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Record the request, and remove the job; see `Scheduler.remove`."""
        self._ask("remove", job_id, reason)
        whose = [each.tag.uid for each in self.submissions if each.job_id == job_id and each.tag]
        there = isinstance(self._answers.get(job_id), Present)
        if there and (uid is None or uid in whose):
            self.removed(job_id, reason or "removed")

    def hold(self, job_id: int, reason: str = "") -> None:
        """Record the request, and hold the job; see `Scheduler.hold`."""
        self._ask("hold", job_id, reason)
        if isinstance(self._answers.get(job_id), Present):
            self.held(job_id, reason)

    def release(self, job_id: int, reason: str = "") -> None:
        """Record the request, and make the job idle again; see `Scheduler.release`."""
        self._ask("release", job_id, reason)
        if isinstance(self._answers.get(job_id), Present):
            self.idle(job_id)

    def _ask(self, what: str, job_id: int, reason: str) -> None:
        self._reached()
        self.requests.append((what, job_id, reason))

    def _reached(self) -> None:
        if self._silence:
            raise SchedulerUnreachableError(self._silence)

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return nothing: no job has run."""
        return {}

    def queued(self) -> int:
        """Return the number of idle jobs; see `Scheduler.queued`."""
        present = [each for each in self._answers.values() if isinstance(each, Present)]
        return sum(each.state is JobState.IDLE for each in present)

    def jobs_of_project(self) -> list[Listed]:
        """Return every job with a tag; see `Scheduler.jobs_of_project`."""
        return [Listed(each.tag, each.job_id, each.at) for each in self.submissions if each.tag]
