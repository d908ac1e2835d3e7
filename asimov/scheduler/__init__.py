"""Schedulers: the contract that they implement, and the descriptions and observations of jobs."""

from typing import TYPE_CHECKING

from asimov.discovery.names import added_to
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


if not TYPE_CHECKING:  # so that type checkers still see names that don't exist
    __getattr__ = added_to(__name__)
