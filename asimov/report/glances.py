"""The few facts about each analysis that long lists are filtered and sorted by."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from asimov.engine.attention.order import rank
from asimov.engine.rerun.due import TOO_OFTEN
from asimov.engine.staleness.verdicts import outdated
from asimov.engine.status import URGENT, Row, shown_state, without_entry
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace


class Glance(Struct, frozen=True, gc=False):
    """An analysis at a glance.

    Attributes
    ----------
    status, state
        Its state, and its state as people see it; see `asimov.engine.status.shown_state`.
    since
        When it came into its state, in seconds since the epoch; 0 if it has always been in it.
    outdated
        Whether its result is out of date; False unless that was asked for.
    urgent
        Whether it needs a person.
    row
        Its row, if only the journal knows it.
    """

    subject: str
    name: str
    pipeline: str
    status: str
    state: str
    since: float
    outdated: bool
    urgent: bool
    row: Row | None = None

    @property
    def key(self) -> Key:
        """The analysis."""
        return Key(self.subject, self.name)

    @property
    def place(self) -> tuple[bool, int]:
        """What sorts by urgency."""
        return not self.urgent, rank(self.state)


def glances(workspace: Workspace, *, with_outdated: bool = False) -> list[Glance]:
    """Return a glance at every analysis, in the ledger's order.

    Parameters
    ----------
    workspace
        The open project.
    with_outdated
        Whether to find out which results are out of date, which takes longer.
    """
    entries, records = workspace.contents.entries, workspace.records
    given_up = [key for key in entries if (r := records.get(key)) and r.reason == TOO_OFTEN]
    old = set(outdated(workspace, entries if with_outdated else given_up))
    found = []
    for key, entry in entries.items():
        record = records.get(key)
        status = workspace.status(key)
        state = shown_state(status, record.job_state if record else None)
        stale = key in old
        urgent = state in URGENT or (stale and record is not None and record.reason == TOO_OFTEN)
        since = record.since if record else 0.0
        found.append(
            Glance(*key, entry.pipeline, status, state, since, stale and with_outdated, urgent)
        )
    return [*found, *_of_journal(workspace)]


def _of_journal(workspace: Workspace) -> Iterable[Glance]:
    """Yield the analyses that only the journal knows."""
    for row in without_entry(workspace):
        record = workspace.records.get(Key(row.subject, row.name))
        since = record.since if record else 0.0
        yield Glance(row.subject, row.name, "", row.status, row.state, since, False, True, row=row)
