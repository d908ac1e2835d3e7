"""Schedulers: the contract that they keep, and one module each."""

from asimov.scheduler.contract import (
    Gone,
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
    "Gone",
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
