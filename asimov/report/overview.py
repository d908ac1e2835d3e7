"""Collect what the overview shows: totals, what needs a person, and one page of the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from asimov.engine.attendance import attendance
from asimov.engine.attention.filters import passing
from asimov.engine.attention.order import rank
from asimov.engine.status import OF_JOBS, Row, rows
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.removed import ledger_warnings
from asimov.project.workspace import Workspace
from asimov.report.glances import Glance, glances
from asimov.states import STATES
from asimov.system.moment import moment

#: How many analyses of the list are on one page, and how many that need a person are above it.
PAGE = 50
_FIRST = 6
#: The ways to sort the list, with their words for people.
SORTS = {"urgency": "needs a person first", "newest": "changed last", "name": "name"}


@dataclass(frozen=True)
class Query:
    """What a person asks of the overview.

    Attributes
    ----------
    q
        Words that filter, as in ``asimov top``.
    state, pipeline, subject
        The only state, pipeline and subject; empty for all.
    since
        Only what has changed since then, as a person writes it; empty for all.
    outdated
        Whether only what is out of date.
    sort
        One of `SORTS`; empty for what fits the question.
    page
        The page of the list, counted from 1.
    """

    q: str = ""
    state: str = ""
    pipeline: str = ""
    subject: str = ""
    since: str = ""
    outdated: bool = False
    sort: str = ""
    page: int = 1

    @property
    def order(self) -> str:
        """How to sort: what has changed lately is wanted in the order of time."""
        return self.sort or ("newest" if self.since else "urgency")

    @property
    def narrowed(self) -> bool:
        """Whether it asks for a part of the analyses only."""
        return any((self.q, self.state, self.pipeline, self.subject, self.since, self.outdated))

    @property
    def asks_outdated(self) -> bool:
        """Whether it asks which results are out of date."""
        return self.outdated or "outdated" in self.q.split()

    def parts(self, **changes: str | int | bool) -> dict[str, str]:
        """Return it as the parts of an address, with changes; a change starts at the first page."""
        new = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        found = {
            "q": new.q, "state": new.state, "pipeline": new.pipeline, "subject": new.subject,
            "since": new.since, "outdated": "true" if new.outdated else "", "sort": new.sort,
            "page": str(new.page) if new.page > 1 else "",
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}


@dataclass
class Overview:
    """What the overview shows.

    Attributes
    ----------
    monitor
        A line about the monitor.
    warnings
        What is wrong with the ledger or the monitor.
    totals
        How many analyses there are in each state, of all that the words and filters but the state
        leave; what needs a person comes first.
    urgent, urgent_in_all
        The first that need a person, and how many do.
    rows, found, pages
        The analyses of this page, how many the whole list has, and on how many pages.
    everything
        How many analyses the project has.
    states, pipelines, subjects
        What the list can be narrowed to.
    problem
        What is wrong with the question; empty if nothing is.
    """

    monitor: str
    alive: bool
    warnings: list[str]
    everything: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    urgent: list[Row] = field(default_factory=list)
    urgent_in_all: int = 0
    rows: list[Row] = field(default_factory=list)
    found: int = 0
    pages: int = 1
    states: list[str] = field(default_factory=list)
    pipelines: list[str] = field(default_factory=list)
    subjects: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Known:
    """All analyses, looked at once: what a report of many pages takes its lists from.

    `begun` is what every page says of the project, and `of_subjects` what there is of each.
    """

    seen: list[Glance]
    rows: dict[Key, Row]
    begun: Overview
    of_subjects: dict[str, list[Glance]]


def known(workspace: Workspace) -> Known:
    """Return all analyses of a project, those that only the journal knows included."""
    seen = glances(workspace)
    keys = [each.key for each in seen if each.row is None]
    found = dict(zip(keys, rows(workspace, keys), strict=True))
    of_subjects: dict[str, list[Glance]] = {}
    for each in seen:
        of_subjects.setdefault(each.subject, []).append(each)
    all_rows = {**found, **{each.key: each.row for each in seen if each.row}}
    return Known(seen, all_rows, _begun(workspace, seen), of_subjects)


def _begun(workspace: Workspace, seen: Sequence[Glance]) -> Overview:
    """Return an overview with what is the same whatever is asked."""
    monitor = attendance(workspace)
    warnings = ledger_warnings(workspace)
    if monitor.warning:
        warnings = [*warnings, monitor.warning]
    return Overview(
        monitor.line(),
        monitor.alive,
        warnings,
        everything=len(seen),
        states=sorted({*STATES, *OF_JOBS, *(each.state for each in seen)}, key=rank),
        pipelines=sorted({each.pipeline for each in seen if each.pipeline}),
        subjects=len(workspace.contents.subjects),
    )


def overview(
    workspace: Workspace,
    query: Query,
    size: int = PAGE,
    all_known: Known | None = None,
    seen: list[Glance] | None = None,
) -> Overview:
    """Return what the overview shows.

    Parameters
    ----------
    workspace
        The open project.
    query
        What is asked of it.
    size
        The most analyses of a page.
    all_known
        All analyses, if they have been looked at already.
    seen
        A glance at each of them, if the question does not ask what is out of date.
    """
    if all_known:
        shown = replace(all_known.begun)
        seen = all_known.seen
        if query.subject:
            seen = all_known.of_subjects.get(query.subject, [])
    else:
        if seen is None:
            seen = glances(workspace, with_outdated=query.asks_outdated)
        shown = _begun(workspace, seen)
    try:
        left = _narrowed(seen, query)
    except (AsimovError, ValueError) as error:
        shown.problem = str(error)
        left = []
    counts = Counter(each.state for each in left)
    shown.totals = {state: counts[state] for state in sorted(counts, key=rank)}
    needing = [each for each in left if each.urgent]
    shown.urgent_in_all = len(needing)
    first = sorted(needing, key=lambda each: each.place)[:_FIRST]
    shown.urgent = _rows(workspace, first, all_known)
    listed = [each for each in left if not query.state or query.state in _states(each)]
    shown.found = len(listed)
    shown.pages = max(1, -(-len(listed) // size))
    start = (min(query.page, shown.pages) - 1) * size
    chosen = _sorted(listed, query.order)[start : start + size]
    shown.rows = _rows(workspace, chosen, all_known)
    return shown


def _narrowed(seen: Sequence[Glance], query: Query) -> list[Glance]:
    """Return what is left by all of a question but the state, so that its totals can be shown."""
    fits = passing(query.q)
    since = moment(query.since) if query.since else None
    return [
        each
        for each in seen
        if (not query.subject or each.subject == query.subject)
        and (not query.pipeline or each.pipeline == query.pipeline)
        and (since is None or each.since >= since)
        and (not query.outdated or each.outdated)
        and fits(each)
    ]


def _states(each: Glance) -> set[str]:
    return {each.state, "urgent"} if each.urgent else {each.state}


def _sorted(listed: list[Glance], order: str) -> list[Glance]:
    if order == "newest":
        return sorted(listed, key=lambda each: -each.since)
    if order == "name":
        return sorted(listed, key=lambda each: each.key)
    return sorted(listed, key=lambda each: each.place)


def _rows(workspace: Workspace, chosen: Sequence[Glance], all_known: Known | None) -> list[Row]:
    """Return the rows of some analyses, in the same order."""
    if all_known:
        return [all_known.rows[each.key] for each in chosen]
    keys = [each.key for each in chosen if each.row is None]
    found = dict(zip(keys, rows(workspace, keys), strict=True)) if keys else {}
    return [each.row or found[each.key] for each in chosen]
