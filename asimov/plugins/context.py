"""The object with job and ledger that plugins receive to label analyses or handle their states."""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import Any

from asimov.plugins.hooks import ledger_for
from asimov.project.analysis import Analysis
from asimov.project.workspace import workspace_of


class Context:
    """What the monitor knows about an analysis, under the names that published packages use.

    Parameters
    ----------
    analysis
        The analysis.

    Attributes
    ----------
    analysis_path
        Subject and name, for people.
    dry_run
        Always False: a dry run calls no plugin of this kind.
    """

    dry_run = False

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.analysis_path = str(analysis.key)

    @cached_property
    def ledger(self) -> Any:
        """The ledger, which keeps only what is written to its objects."""
        return ledger_for(workspace_of(self.analysis), "facts")

    @property
    def job_id(self) -> int | None:
        """The id of the analysis's job, or of its last one."""
        return self.analysis.job_id

    def has_condor_job(self) -> bool:
        """Return whether it has or had a job."""
        return self.job_id is not None

    @property
    def job(self) -> Any:
        """Its job as last seen: `id`, and `status` in one word; None if it has no job."""
        record = self.analysis.workspace.records.get(self.analysis.key)
        if record is None or record.job_id is None or record.job_state is None:
            return None
        return SimpleNamespace(id=record.job_id, job_id=record.job_id, status=record.job_state)

    @property
    def job_list(self) -> Any:
        """Its job by id, in `jobs`."""
        jobs = {self.job_id: self.job} if self.job is not None else {}
        return SimpleNamespace(jobs=jobs, refresh=lambda: None)

    def clear_job_id(self) -> None:
        """Do nothing: the journal records which jobs exist."""

    def update_ledger(self) -> None:
        """Do nothing: what is written to the analysis is kept anyway."""

    def refresh_job_list(self) -> None:
        """Do nothing: the scheduler is queried once in a pass."""
