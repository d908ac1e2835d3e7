"""The contract that every scheduler implements.

A scheduler is a class found by the entry-point group ``asimov.schedulers``. It submits jobs and
DAGs, observes many jobs in one call, and removes, holds and releases them. Its possible answers are
in `asimov.scheduler.observations`.
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
from asimov.scheduler.jobs import JobDescription, Listed, Tag, Ticket, Whereabouts
from asimov.scheduler.observations import Failure, Observation, Usage

#: Whether every job must carry a tag, and how many tags apply to what is submitted now.
_guarded = False
_tagged = 0


@contextmanager
def guarded_submissions() -> Iterator[None]:
    """Within the block, refuse jobs without a recorded intent, which would carry no tag.

    After a crash such a job could not be found, nor distinguished from a second one.
    """
    global _guarded  # noqa: PLW0603  (plugin code runs in the main thread)
    before, _guarded = _guarded, True
    try:
        yield
    finally:
        _guarded = before


def check_intended() -> None:
    """Refuse an untagged submission within `guarded_submissions`; schedulers call this first.

    Raises
    ------
    SchedulerError
        With the methods that may submit.
    """
    if _guarded and not _tagged:
        raise SchedulerError(
            "a pipeline may submit a job only in submit_dag (and the methods called before it), "
            "resurrect and after_completion",
            hint="report this to its author: the job should be submitted in one of these, or be a "
            "separate analysis",
        )


class BookmarkStore(Protocol):
    """Stores how far a scheduler has read event logs, between commands."""

    def load(self) -> dict[str, bytes]:
        """Return every bookmark by its log's absolute path."""

    def save(self, changed: Mapping[str, bytes]) -> None:
        """Store bookmarks that are new or have changed; an empty one is deleted."""


@dataclass
class Scheduler(ABC):
    """Where jobs run.

    Every method raises `SchedulerUnreachableError` where the scheduler can't be reached, and
    `SchedulerError` where it refuses, unless it says otherwise.
    """

    name: ClassVar[str]
    #: The configuration option that sets `shortest_interval`, if any.
    interval_option: ClassVar[str] = ""
    #: Stores bookmarks in event logs; without a store logs are read from their beginning.
    bookmarks: BookmarkStore | None = field(default=None, init=False, repr=False)
    #: Whether a read-only command uses it: then it writes nothing, not even files of its own.
    reading: bool = field(default=False, init=False, repr=False)
    _tag: Tag | None = field(default=None, init=False, repr=False)

    @classmethod
    @abstractmethod
    def from_project(cls, root: Path, config: ConfigParser) -> Scheduler:
        """Return the scheduler for the project in `root`, without contacting it."""

    def only_read(self) -> None:
        """Write nothing from now on, not even files of its own: a read-only command uses it."""
        self.reading = True

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """Within the block, put `tag` on every job submitted by this process or its children."""
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
        """Submit one cluster and return its number, after `check_intended`.

        Parameters
        ----------
        job
            A description; or the path of a file in HTCondor's submit language, or of a program.
        """

    @abstractmethod
    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file and return the cluster of the job that runs it, after `check_intended`.

        Relative paths in it start from `submit_folder.folder_of_dag`, usually its own folder. The
        newest rescue file beside it is used.

        Parameters
        ----------
        dag_file
            The DAG file.
        batch_name
            A name for people.
        **commands
            Further submit commands (accounting group, ...), for the job that runs the DAG and for
            its nodes.
        """

    @abstractmethod
    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return the state of each job, by `Ticket.uid`, with an answer for every ticket.

        Changes nothing, and never raises for an unreachable scheduler: then every answer is
        `Unknown`.
        """

    def wake(self) -> None:  # noqa: B027  (most schedulers run without asimov's help)
        """Make sure that something runs submitted jobs; called by commands that may act."""

    def check_credentials(self) -> None:  # noqa: B027  (most schedulers need none)
        """Make sure that this user's credentials are accepted; called before anything is changed.

        Raises
        ------
        CredentialsError
            Where they are refused. A scheduler that can't be reached is no reason to raise.
        """

    @abstractmethod
    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Remove the job, with the nodes of a DAG; a job that does not exist is no error.

        Parameters
        ----------
        job_id, reason
            Its number, and the reason.
        uid
            The identity that it must carry, where it may no longer exist: the number may belong to
            another job by now.
        """

    @abstractmethod
    def hold(self, job_id: int, reason: str = "") -> None:
        """Put the job on hold."""

    @abstractmethod
    def release(self, job_id: int, reason: str = "") -> None:
        """Release the job from hold."""

    @abstractmethod
    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return what ended jobs used, of a DAG its nodes, by the job's number.

        One question for all of them. A job without usage data, or without all of it yet, is left
        out.

        Parameters
        ----------
        job_ids
            The clusters.
        since
            When the earliest of them was submitted, in seconds since the epoch.
        """

    # --- optional: a scheduler that can't answer keeps these defaults

    @property
    def place(self) -> str:
        """Which of several it is, such as the schedd's name; empty where there is only one.

        It is stored with each attempt, so that the job is looked for where it was submitted even
        after the configuration has changed. Contacts nothing that may not answer.
        """
        return ""

    @property
    def is_local(self) -> bool:
        """Whether services run on this machine."""
        return True

    def at(self, place: str) -> Scheduler:
        """Return the scheduler of this kind at a place, as from `place`; ``""`` is this one."""
        return self

    def shares_files(self) -> bool:
        """Return whether jobs see this machine's files under the same paths, wherever they run."""
        return True

    def spools(self) -> bool:
        """Return whether it can't see this machine's files, so that jobs hand theirs over to it.

        `retrieve` gets back what such a job has left.
        """
        return False

    def retrieve(self, job_id: int) -> None:  # noqa: B027  (most see the files that jobs leave)
        """Get back what a job has left that has ended with `Gone.waiting`; repeating it is safe."""

    def runs_containers(self) -> bool:
        """Return whether it starts jobs in containers itself, without a program of ours."""
        return False

    @property
    def shortest_interval(self) -> float:
        """The least time between two questions of a command that keeps asking, in seconds."""
        return 0.0

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return what has changed since the last call, without asking the scheduler.

        Reads what was added to event logs. An answer says as much as one of `observe`: the job
        runs, is held, or has ended. Jobs without news are left out, and so are jobs not found.
        """
        return {}

    def failures(self, job_id: int, since: float) -> list[Failure]:
        """Return what failed in a job that has ended, the first failure first."""
        return []

    def explain(self, job_id: int) -> list[str]:
        """Explain in lines for people why a job in the queue is not running."""
        return []

    def queued(self) -> int | None:
        """Return how many of the project's jobs, including nodes of DAGs, wait to run.

        None where the scheduler does not count them.
        """
        return None

    def jobs_of_project(self) -> list[Listed] | None:
        """Return every known job that carries the project's tag, ended ones too.

        For a project that has lost its own records. The jobs of a DAG's nodes are left out. None
        where the scheduler can't list them.
        """
        return None

    def whereabouts(self, job_ids: Collection[int]) -> Mapping[int, Whereabouts]:
        """Return where jobs run, or ran, by number; of those that are known, whoever made them.

        For the jobs of another program. Nodes of DAGs are left out. A scheduler whose numbers mean
        nothing to others knows none.
        """
        return {}

    def raise_requests(
        self, job_id: int, *, memory_mb: int | None = None, disk_kb: int | None = None
    ) -> None:
        """Change the resource requests of a job in the queue, from its next match or start on."""
        raise SchedulerError(f"{self.name} can't change the resource requests of a job")

    @abstractmethod
    def start_service(self, arguments: Sequence[str], log: Path, **commands: object) -> int:
        """Keep a command running until `remove`, restarting it if it dies; return its job id.

        Parameters
        ----------
        arguments
            The program (absolute) and its arguments.
        log
            The file that receives the command's output.
        **commands
            Submit commands beside these, such as ``universe``, where the scheduler has any.
        """
