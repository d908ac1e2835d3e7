"""The scheduler ``local``: runs submit files and DAG files on this machine."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from asimov.configuration import number
from asimov.errors import SchedulerError
from asimov.scheduler.contract import Scheduler, check_intended
from asimov.scheduler.jobs import JobDescription, Listed, Ticket
from asimov.scheduler.local.ended_jobs import failures, usage
from asimov.scheduler.local.job_states import explain, jobs_of_project, observations, queued
from asimov.scheduler.local.process_spec import Paths
from asimov.scheduler.local.requests import leave_request, raise_requests
from asimov.scheduler.local.spool import Spool
from asimov.scheduler.local.startup import wake
from asimov.scheduler.local.submission import submit_dag, submit_job, submit_service
from asimov.scheduler.observations import Failure, Gone, Observation, Present, Unknown, Usage

#: Seconds that a process has to end by itself, unless ``[local] grace`` says otherwise.
GRACE = 10.0


@dataclass
class LocalScheduler(Scheduler):
    """Runs jobs on this machine, in processes that outlive the command.

    Parameters
    ----------
    root
        The project's folder; the queue is in its folder ``.asimov/local``.
    limit
        How many processors jobs may use at once.
    grace
        How many seconds a process has to end once asked; then it is killed.
    enforce_memory
        Whether to hold a process that uses more memory than it requested.
    """

    root: Path
    limit: int
    grace: float = GRACE
    enforce_memory: bool = False
    name: ClassVar[str] = "local"
    spool: Spool = field(init=False, repr=False)
    paths: Paths = field(init=False, repr=False)
    #: The observations that `news` has returned, or left out because they were not new.
    _reported: dict[str, Observation] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.paths = Paths(self.root)
        self.root = self.paths.root
        self.spool = Spool(self.root)

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> LocalScheduler:
        """Return the scheduler of the project in `root`.

        Raises
        ------
        AsimovError
            Where an option in ``[local]`` has an invalid value.
        """
        limit = number(config, "local", "processes", os.cpu_count() or 1)
        if limit < 1 or limit != int(limit):
            raise SchedulerError(
                f"should be a whole number of at least 1, not {limit:g}",
                where="configuration: local/processes",
            )
        grace = number(config, "local", "grace", GRACE)
        try:
            enforce = config.getboolean("local", "enforce memory", fallback=False)
        except ValueError:
            raise SchedulerError(
                f"should be true or false, not {config.get('local', 'enforce memory')!r}",
                where="configuration: local/enforce memory",
            ) from None
        return cls(root, int(limit), grace, enforce)

    def only_read(self) -> None:
        """Write nothing from now on; see `Scheduler.only_read`."""
        super().only_read()
        self.spool.only_read = True

    # --- submitting

    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster; see `Scheduler.submit`."""
        check_intended()
        cluster = submit_job(self.spool, job, self._tags(), self.paths)
        self._wake_if_possible()
        return cluster

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file; see `Scheduler.submit_dag`.

        Every node's submit file is checked first. With ``force=True`` rescue files are renamed
        (``.old``) and the DAG starts from its beginning.
        """
        check_intended()
        cluster = submit_dag(
            self.spool,
            Path(dag_file).absolute(),
            self._tags(),
            self.paths,
            batch_name=batch_name,
            force=bool(commands.pop("force", False)),
            commands=commands,
        )
        self._wake_if_possible()
        return cluster

    def start_service(self, arguments: Sequence[str], log: Path, **commands: object) -> int:
        """Keep a command running; see `Scheduler.start_service`."""
        cluster = submit_service(self.spool, arguments, log, self._tags(), self.paths)
        self._wake_if_possible()
        return cluster

    def _tags(self) -> dict[str, str]:
        return self._tag.attributes() if self._tag else {}

    def wake(self) -> None:
        """Start the runner where there may be work for it and none is alive."""
        enforce = ["enforce-memory"] if self.enforce_memory else []
        wake(self.spool, [str(self.limit), str(self.grace), *enforce])

    def _wake_if_possible(self) -> None:
        # The request is in the queue: an error now would say that it is not. The next command that
        # wakes the queue runs into the same error and reports it.
        with suppress(SchedulerError):
            self.wake()

    # --- acting on jobs

    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Remove a job; see `Scheduler.remove`."""
        if uid is not None:
            seen = self.observe([Ticket(uid, job_id, 0.0)])[uid]
            if not isinstance(seen, Present):
                return
        self._request(job_id, "remove", reason)

    def hold(self, job_id: int, reason: str = "") -> None:
        """Hold a job; see `Scheduler.hold`."""
        self._request(job_id, "hold", reason)

    def release(self, job_id: int, reason: str = "") -> None:
        """Release a job; see `Scheduler.release`."""
        self._request(job_id, "release", reason)

    def _request(self, job_id: int, action: str, reason: str) -> None:
        if self.spool.exists():
            leave_request(self.spool, job_id, action, reason)
            self._wake_if_possible()

    def raise_requests(
        self, job_id: int, *, memory_mb: int | None = None, disk_kb: int | None = None
    ) -> None:
        """Change a job's resource requests, from its next start on."""
        raise_requests(self.spool, job_id, memory_mb, disk_kb)

    # --- questions

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return the state of each job; see `Scheduler.observe`."""
        import sqlite3

        try:
            answers = observations(self.spool, tickets)
        except (sqlite3.Error, OSError) as error:
            reason = f"the local queue can't be read: {error}"
            return {ticket.uid: Unknown(reason) for ticket in tickets}
        if self._reported is not None:
            self._reported.update(answers)
        return answers

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return what has changed since the last call; see `Scheduler.news`.

        The first call returns only jobs that have ended.
        """
        import sqlite3

        try:
            answers = observations(self.spool, tickets)
        except (sqlite3.Error, OSError):
            return {}  # `observe` reports it
        before, self._reported = self._reported, answers
        return {
            uid: answer
            for uid, answer in answers.items()
            if isinstance(answer, Gone if before is None else (Present, Gone))
            and (before is None or before.get(uid) != answer)
        }

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return what ended jobs used; see `Scheduler.usage`."""
        return self.spool.ask(lambda db: usage(db, job_ids), {})

    def failures(self, job_id: int, since: float) -> list[Failure]:
        """Return what failed in a job; see `Scheduler.failures`."""
        return self.spool.ask(lambda db: failures(db, job_id, self.paths), [])

    def explain(self, job_id: int) -> list[str]:
        """Explain why a job is not running; see `Scheduler.explain`."""
        return self.spool.ask(lambda db: explain(db, self.spool, job_id, self.limit), [])

    def queued(self) -> int:
        """Return how many processes wait to run; see `Scheduler.queued`."""
        return self.spool.ask(queued, 0)

    def jobs_of_project(self) -> list[Listed]:
        """Return every job that carries a tag; see `Scheduler.jobs_of_project`."""
        return self.spool.ask(jobs_of_project, [])
