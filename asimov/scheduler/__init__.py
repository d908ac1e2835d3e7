"""Schedulers: the contract that they keep, and one module each."""

from asimov.scheduler.contract import (
    BookmarkStore,
    Failure,
    Gone,
    Held,
    JobDescription,
    JobState,
    NotFound,
    Observation,
    Present,
    Progress,
    Scheduler,
    Tag,
    Ticket,
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
