"""Schedulers: the contract that they keep, and one module each."""

from typing import TYPE_CHECKING

from asimov.compat import elsewhere
from asimov.scheduler.contract import BookmarkStore, Scheduler
from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.observations import (
    Failure,
    Gone,
    Held,
    JobState,
    NotFound,
    Observation,
    Present,
    Progress,
    Unknown,
    Usage,
)

__all__ = [
    "BookmarkStore",
    "Failure",
    "Gone",
    "Held",
    "JobDescription",
    "JobState",
    "NotFound",
    "Observation",
    "Present",
    "Progress",
    "Scheduler",
    "Tag",
    "Ticket",
    "Unknown",
    "Usage",
]


if not TYPE_CHECKING:  # so that names which are not there are still seen by type checkers
    __getattr__ = elsewhere.names_of(__name__)
