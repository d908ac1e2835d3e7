"""Collect what the page of one analysis shows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from asimov.engine.graph import Edge
from asimov.engine.job_output.files import OutputFile
from asimov.engine.job_output.inside import Shown, output_inside
from asimov.engine.job_output.reading import last_lines
from asimov.engine.plain_data.analysis import settings_data
from asimov.engine.plain_data.events import event_data
from asimov.engine.provenance.comparison import named
from asimov.engine.status import Row, rows, without_entry
from asimov.engine.usage import used
from asimov.errors import AsimovError, ReportedError
from asimov.journal.keys import Key
from asimov.ledger.needs import as_text
from asimov.project.storage.listing import StoredFile, files
from asimov.project.workspace import Workspace
from asimov.report.previews import Preview, preview
from asimov.report.summaries import Summary, summary
from asimov.report.timeline import Bar, timeline
from asimov.scheduler import Usage
from asimov.states import reachable

#: How many lines of a log, how many logs, products with a preview, and events a page has.
_LINES = 12
_LOGS = 20
_PREVIEWS = 12
_EVENTS = 100
#: How many logs are shown with their last lines.
_ENDS = 4


@dataclass(frozen=True, slots=True)
class Log:
    """What a job wrote: the file's name in addresses, its path, its node, size and last lines."""

    file: str
    path: Path
    node: str
    kind: str
    bytes: int
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Product:
    """A stored file and what can be shown of it."""

    result: StoredFile
    preview: Preview


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its name, its value as text, what said so, and what the result was made with.

    Attributes
    ----------
    then
        The value that the last attempt ran with, where that is another; else None.
    """

    name: str
    value: str
    origin: str
    then: str | None


@dataclass
class Details:
    """What the page of one analysis shows.

    Attributes
    ----------
    summary
        Its row, review, labels and needs.
    settings
        Its settings as they are now.
    attempts
        The attempts over time.
    usage
        What its jobs used, or None.
    logs, more_logs
        What its jobs wrote, the most telling first, and how many files more there are.
    withheld
        Which files are not shown, and why.
    products
        What is stored of it.
    events
        What happened, the newest first.
    states
        The states that a person may set it to.
    """

    summary: Summary
    settings: list[Setting] = field(default_factory=list)
    attempts: list[Bar] = field(default_factory=list)
    usage: Usage | None = None
    logs: list[Log] = field(default_factory=list)
    more_logs: int = 0
    withheld: list[str] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)


def details(
    workspace: Workspace,
    key: Key,
    needs: Iterable[Edge] | None = None,
    row: Row | None = None,
) -> Details:
    """Return what the page of an analysis shows.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    needs
        The edges of the graph that lead to it; by default without the products that flow.
    row
        Its line of ``asimov status``, if that is known already.

    Raises
    ------
    AsimovError
        If there is no such analysis.
    """
    row = row or row_of(workspace, key)
    if needs is None and row.pipeline:
        inputs = set(workspace.dependencies.inputs(key))
        keys = workspace.dependencies.of(key).keys
        needs = [Edge(each, key, each in inputs) for each in keys]
    shown = Details(summary(workspace, row, needs or ()))
    if row.pipeline:
        shown.settings = _settings(workspace, key)
    shown.attempts = timeline(workspace.journal.attempts(key))
    shown.usage = used(workspace, [key]).get(key)
    found, withheld = logs(workspace, key)
    shown.more_logs = max(0, len(found) - _LOGS)
    shown.withheld = list(withheld.values())[:_LOGS]
    stored = workspace.project.stored
    shown.logs = [
        _log(each, stored(each.path), _LINES if number < _ENDS else 0)
        for number, each in enumerate(found[:_LOGS])
    ]
    shown.products = products(workspace, key)
    events = workspace.journal.events(*key, _EVENTS)
    shown.events = [event_data(each) for each in reversed(list(events))]
    shown.states = list(reachable(row.status, "person")) if row.pipeline else []
    return shown


def row_of(workspace: Workspace, key: Key) -> Row:
    """Return the row of an analysis, also if only the journal knows it.

    Raises
    ------
    AsimovError
        If there is no such analysis.
    """
    if key in workspace.contents.entries:
        return rows(workspace, [key])[0]
    for row in without_entry(workspace, key.subject):
        if row.name == key.name:
            return row
    workspace.key(*key)
    raise AsimovError(f"there is no analysis {key}")


def logs(workspace: Workspace, key: Key) -> Shown:
    """Return what the jobs of an analysis wrote inside the project, what has text first."""
    try:
        found = output_inside(workspace, key)
    except ReportedError:
        return Shown([], {})
    return found._replace(files=sorted(found.files, key=attrgetter("reading_order")))


def products(workspace: Workspace, key: Key) -> list[Product]:
    """Return what is stored of an analysis, the first of them with previews."""
    results = workspace.project.results.resolve()
    found: list[Product] = []
    for each in files(workspace.store, [key]):
        inside = each.path.resolve().is_relative_to(results) and each.path.is_file()
        wanted = inside and len(found) < _PREVIEWS
        found.append(Product(each, preview(each.path, 6, 12) if wanted else Preview()))
    return found


def _log(file: OutputFile, name: str, lines: int) -> Log:
    shown = last_lines(file.path, lines) if lines else []
    return Log(name, file.path, file.node, file.kind, file.size, shown)


def _settings(workspace: Workspace, key: Key) -> list[Setting]:
    found: list[Setting] = []
    with suppress(ReportedError):  # its pipeline may not be installed any more
        data = settings_data(workspace, key)
        now, origins, then = named(data["settings"]), data["from"], data["ran_with"]
        for name in dict.fromkeys([*now, *then]):
            before = _shown(then[name]) if name in then else None
            value = _shown(now[name]) if name in now else "not set"
            found.append(Setting(name, value, str(origins.get(name, "")), before))
    return found


def _shown(value: Any) -> str:
    return "not set" if value is None else as_text(value)
