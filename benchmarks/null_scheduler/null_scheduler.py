"""A scheduler that costs nothing: it takes every job, and each runs for ever.

For benchmarks only: what asimov itself needs for a submission and for a pass over running jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from asimov.errors import SchedulerError
from asimov.scheduler import (
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
    """Keeps the identities of its jobs in one file, a line each; the line's number is the job."""

    file: Path
    name: ClassVar[str] = "null"
    _count: int | None = None

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> NullScheduler:
        """Return the scheduler of a project."""
        return cls(root / ".asimov" / "null-jobs")

    def _uids(self) -> list[str]:
        try:
            return self.file.read_text().split()
        except FileNotFoundError:
            return []

    def submit(self, job: JobDescription | str | Path) -> int:
        """Take a job without a look at it."""
        if self._count is None:
            self._count = len(self._uids())
        with self.file.open("a") as stream:
            stream.write(f"{self._tag.uid if self._tag else 'untagged'}\n")
        self._count += 1
        return self._count

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Take a DAG as one job."""
        return self.submit(dag_file)

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Say of every job that was taken that it runs."""
        jobs = {uid: number for number, uid in enumerate(self._uids(), 1)}
        return {
            ticket.uid: Present(jobs[ticket.uid], JobState.RUNNING)
            if ticket.uid in jobs
            else NotFound(("queue",))
            for ticket in tickets
        }

    def remove(self, job_id: int, reason: str = "") -> None:
        """Do nothing: jobs run for ever."""

    def hold(self, job_id: int, reason: str = "") -> None:
        """Do nothing."""

    def release(self, job_id: int, reason: str = "") -> None:
        """Do nothing."""

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Say nothing: no job ends."""
        return {}

    def start_service(self, arguments: Sequence[str], log: Path) -> int:
        """Refuse."""
        raise SchedulerError("the null scheduler runs nothing")
