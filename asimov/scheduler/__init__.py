"""Schedulers: the contract that they keep, and one module each."""

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
