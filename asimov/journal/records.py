"""The rows of the journal as Python objects: record, attempt, event and build."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from asimov.journal.keys import Key


class Record(NamedTuple):
    """The state of an analysis, and the last observation of its job.

    Attributes
    ----------
    since
        When it entered its state, in seconds since the epoch.
    reason
        Why it is in that state.
    uid, job_id
        Its last attempt and job.
    job_state, job_detail
        ``idle``, ``running``, ``held``, ``unknown``, ``lost`` or None, and a line about it.
    progress
        How many nodes or processes are done, of how many, as text.
    job_since
        When the job was first seen in that state, in seconds since the epoch.
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
        """The analysis."""
        return Key(self.subject, self.name)


class Attempt(msgspec.Struct):
    """One attempt to run an analysis.

    Attributes
    ----------
    uid
        Its identity, which its job's ClassAd carries.
    number
        Counted from 1 for each analysis.
    stage
        ``run``, ``processing``, or ``reuse``: it took over products instead of running a job.
    state
        ``intended``, ``submitted``, ``ended`` or ``void`` (no job was ever created).
    logs
        Event logs, one a line, relative to the project.
    place
        Which of several schedulers it was: the name of HTCondor's schedd.
    seed
        The seed that its jobs got; None if they got none, or if that was not recorded yet.
    started, finished
        When its job began to run and when it ended, as the scheduler says, in seconds since the
        epoch; None where that is not known. `ended` is when asimov saw it.
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
    seed: int | None = None
    started: float | None = None
    finished: float | None = None

    @property
    def key(self) -> Key:
        """The analysis."""
        return Key(self.subject, self.name)


class Event(NamedTuple):
    """Something that happened, for the log.

    Attributes
    ----------
    details
        More text for people, of several lines, such as the end of an error file.
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
        Digest of the settings and the template that it was rendered from.
    content
        Digest of the file itself, to detect edits by hand.
    """

    config: str
    digest: str
    content: str
    time: float
