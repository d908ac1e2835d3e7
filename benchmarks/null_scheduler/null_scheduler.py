"""A scheduler without cost: it accepts every job, and jobs run until a file says that they end.

For benchmarks only: what asimov itself needs for a submission, for a pass over running jobs, and
for a pass in which many have ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from asimov.errors import SchedulerError
from asimov.scheduler import (
    Gone,
    JobDescription,
    JobState,
    NotFound,
    Observation,
    Present,
    Scheduler,
    Ticket,
    Usage,
)


@dataclass
class NullScheduler(Scheduler):
    """Keeps the ids of its jobs in a file, one per line; the line number is the job number.

    A second file may hold two numbers: so many jobs, the first ones, have ended with exit code 0,
    and so many of the ones behind them with exit code 1.
    """

    file: Path
    ends: Path
    name: ClassVar[str] = "null"
    _count: int | None = None

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> NullScheduler:
        """Return the scheduler of a project."""
        state = root / ".asimov"
        return cls(state / "null-jobs", state / "null-ended")

    def _uids(self) -> list[str]:
        try:
            return self.file.read_text().split()
        except FileNotFoundError:
            return []

    def _ended(self) -> tuple[int, int]:
        """Return the last job of those that succeeded, and of those that ended."""
        try:
            well, badly = map(int, self.ends.read_text().split())
        except FileNotFoundError:
            return 0, 0
        return well, well + badly

    def submit(self, job: JobDescription | str | Path) -> int:
        """Accept a job without reading it."""
        if self._count is None:
            self._count = len(self._uids())
        with self.file.open("a") as stream:
            stream.write(f"{self._tag.uid if self._tag else 'untagged'}\n")
        self._count += 1
        return self._count

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Accept a DAG as one job."""
        return self.submit(dag_file)

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Report every accepted job as running, or how it ended."""
        jobs = {uid: number for number, uid in enumerate(self._uids(), 1)}
        well, ended = self._ended()

        def one(job: int | None) -> Observation:
            if job is None:
                return NotFound(("queue",))
            if job > ended:
                return Present(job, JobState.RUNNING)
            return Gone(job, 0 if job <= well else 1, "queue")

        return {ticket.uid: one(jobs.get(ticket.uid)) for ticket in tickets}

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Report how jobs ended."""
        well, ended = self._ended()
        return {
            ticket.uid: Gone(ticket.job_id, 0 if ticket.job_id <= well else 1, "queue")
            for ticket in tickets
            if ticket.job_id is not None and ticket.job_id <= ended
        }

    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Do nothing."""

    def hold(self, job_id: int, reason: str = "") -> None:
        """Do nothing."""

    def release(self, job_id: int, reason: str = "") -> None:
        """Do nothing."""

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Report a minute of run time for every job."""
        return {job_id: Usage(60.0) for job_id in job_ids}

    def start_service(self, arguments: Sequence[str], log: Path, **commands: object) -> int:
        """Refuse."""
        raise SchedulerError("the null scheduler runs nothing")
