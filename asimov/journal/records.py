"""What the journal holds of an analysis, in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from asimov.keys import Key


class Record(NamedTuple):
    """The state of an analysis, and what was last seen of its job.

    Attributes
    ----------
    since
        When it came into its state, in seconds since the epoch.
    reason
        Why it did.
    uid, job_id
        The attempt and the job that were made last.
    job_state, job_detail
        ``idle``, ``running``, ``held``, ``unknown``, ``lost`` or None, and a line about it.
    progress
        Nodes or processes done of how many, as text.
    job_since
        Since when the job is seen in that state, in seconds since the epoch.
    """

    subject: str
    name: str
    status: str
    since: float
    reason: str | None = None
    uid: str | None = None
    job_id: int | None = None
    job_state: str | None = None
    job_detail: str | None = None
    progress: str | None = None
    job_since: float | None = None

    @property
    def key(self) -> Key:
        """Whose record it is."""
        return Key(self.subject, self.name)


@dataclass(slots=True)
class Attempt:
    """One attempt to run an analysis.

    Attributes
    ----------
    uid
        Its identity, which its job's ClassAd carries.
    number
        Counted from 1 for each analysis.
    stage
        ``run`` or ``processing``.
    state
        ``intended``, ``submitted``, ``ended`` or ``void`` (no job was ever made).
    logs
        Event logs, one a line, relative to the project.
    place
        Which one of several the scheduler was: HTCondor's schedd by its name.
    """

    uid: str
    subject: str
    name: str
    number: int
    stage: str
    scheduler: str
    state: str
    job_id: int | None
    intended: float
    submitted: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    evidence: str | None = None
    reason: str | None = None
    logs: str | None = None
    place: str = ""

    @property
    def key(self) -> Key:
        """Whose attempt it is."""
        return Key(self.subject, self.name)


class Event(NamedTuple):
    """Something that happened.

    Attributes
    ----------
    details
        More for people to read, of several lines, such as the end of an error file.
    """

    time: float
    subject: str
    name: str
    actor: str
    kind: str
    before: str | None
    after: str | None
    reason: str | None
    details: str | None = None


class Build(NamedTuple):
    """A configuration that was rendered and committed.

    Attributes
    ----------
    config
        Its path, relative to the project.
    digest
        Of the settings and the template that it was rendered from.
    content
        Digest of the file itself, to see edits by hand.
    """

    config: str
    digest: str
    content: str
    time: float
