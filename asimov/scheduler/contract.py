"""What asimov asks of a scheduler.

A scheduler is a class found by the entry-point group ``asimov.schedulers``. It submits jobs and
DAGs, says what it knows of many jobs in one call, and removes, holds and releases them. What it may
answer is in `asimov.scheduler.observations`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import JobDescription, Listed, Tag, Ticket
from asimov.scheduler.observations import Failure, Observation, Usage

#: Whether a job has to carry a tag, and whether what is submitted now does.
_guarded = False
_tagged = 0


@contextmanager
def guarded_submissions() -> Iterator[None]:
    """Within the block, refuse jobs that nobody has intended: they would carry no tag.

    They could neither be found after a crash nor be told from a second one.
    """
    global _guarded  # noqa: PLW0603  (plugins' code runs in the main thread)
    before, _guarded = _guarded, True
    try:
        yield
    finally:
        _guarded = before


def check_intended() -> None:
    """Refuse a submission within `guarded_submissions` and without a tag; schedulers begin so.

    Raises
    ------
    SchedulerError
        With who may submit.
    """
    if _guarded and not _tagged:
        raise SchedulerError(
            "no job is submitted here: only submit_dag (with what goes before it), resurrect and "
            "after_completion of a pipeline may submit one",
            hint="make what is to be run an analysis of its own, or submit it in one of these",
        )


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
    #: The option of the configuration that sets `shortest_interval`, if one does.
    interval_option: ClassVar[str] = ""
    #: Where bookmarks in event logs are kept; without one logs are read from their beginning.
    bookmarks: BookmarkStore | None = field(default=None, init=False, repr=False)
    #: Whether it is only asked, by a command that writes nothing; not even a file of its own.
    reading: bool = field(default=False, init=False, repr=False)
    _tag: Tag | None = field(default=None, init=False, repr=False)

    @classmethod
    @abstractmethod
    def from_project(cls, root: Path, config: ConfigParser) -> Scheduler:
        """Return the scheduler for the project in `root`; contacts nothing."""

    def only_read(self) -> None:
        """Write nothing from now on, not even a file of its own: whoever asks only reads."""
        self.reading = True

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """Within the block, every job submitted by this process or its children carries `tag`."""
        global _tagged  # noqa: PLW0603
        previous, self._tag = self._tag, tag
        _tagged += 1
        try:
            yield
        finally:
            _tagged -= 1
            self._tag = previous

    @abstractmethod
    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster and return its number; begins with `check_intended`.

        Parameters
        ----------
        job
            A description; or the path of a file in HTCondor's submit language, or of a program.
        """

    @abstractmethod
    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file and return the cluster of the job that runs it.

        Begins with `check_intended`.

        Its relative paths begin in `submit_folder.folder_of_dag`, as a rule its own folder. A
        rescue file beside the DAG file is used. `commands` are further submit commands (accounting
        group, ...), for the job that runs the DAG and for its nodes.
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
    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Remove the job; of a DAG, its nodes too. A job that is not there is no error.

        Parameters
        ----------
        job_id, reason
            Its number, and why.
        uid
            The identity that it has to carry, where it is not known to be there: the number may
            be another's by now.
        """

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
