"""Writing the report: an index of everything, and a page for each subject, as static files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from asimov._version import __version__
from asimov.engine.graph import Graph, graph, parts
from asimov.engine.status import rows, without_entry
from asimov.keys import PROJECT_ANALYSES, Key
from asimov.project.workspace import Workspace
from asimov.report.items import Item, address, anchor, item, page_of
from asimov.report.layout import Drawing, drawn
from asimov.report.own import own, silent
from asimov.states import STATES
from asimov.system import clock
from asimov.system.files import write_atomically
from asimov.text import block

if TYPE_CHECKING:
    import jinja2

#: A drawing of more analyses than this helps nobody; the tables have them all.
_DRAWN = 150
#: Stands at the start of each page; files without it are not the report's to remove.
_MARK = '<meta name="generator" content="asimov'


def write(workspace: Workspace, folder: Path, subject: str | None = None) -> list[Path]:
    """Write the report: each page is there as it was, or whole and new.

    Parameters
    ----------
    workspace
        The open project.
    folder
        Where the pages go.
    subject
        The only subject whose page is written anew; the index always is, and tells of all.

    Returns
    -------
    list of pathlib.Path
        What was written, the index first.

    Raises
    ------
    AsimovError
        Where there is no such subject, or a page can't be written.
    """
    hidden = without_entry(workspace)
    if subject is not None and all(row.subject != subject for row in hidden):
        workspace.keys(subject)
    whole = graph(workspace)
    needs = whole.sources()
    by_subject: dict[str, list[Item]] = {
        name: [] for name in (*workspace.contents.subjects, *(row.subject for row in hidden))
    }
    for row in [*rows(workspace, workspace.contents.entries), *hidden]:
        edges = needs.get(Key(row.subject, row.name), [])
        by_subject.setdefault(row.subject, []).append(item(workspace, row, edges))
    environment = _environment()
    now = clock.iso()
    about = {"project": _name(workspace), "now": now, "version": __version__, "mark": _MARK}
    index = environment.get_template("index.html").render(
        **about, subjects=by_subject, counts=_counts(by_subject.values()), graph=None
    )
    written = [_write(folder / "index.html", index)]
    page = environment.get_template("subject.html")
    graphs = parts(whole)
    with silent():
        for name, items in by_subject.items():
            if subject not in {None, name}:
                continue
            text = page.render(
                **about,
                subject=name,
                across=name == PROJECT_ANALYSES,
                items=[(each, own(workspace, each.key, folder)) for each in items],
                counts=_counts([items]),
                **_drawing(graphs.get(name)),
            )
            written.append(_write(folder / page_of(name), text))
    for path in _left_over(folder, by_subject):
        path.unlink(missing_ok=True)
    return written


def _write(path: Path, text: str) -> Path:
    # The report can be made again: what counts is that nobody reads half of a page.
    write_atomically(path, block(text), sync=False)
    return path


def _name(workspace: Workspace) -> str:
    return workspace.project.config.get("project", "name", fallback=workspace.project.root.name)


def _counts(groups: Iterable[list[Item]]) -> list[tuple[str, int]]:
    """Return how many analyses are in each state, in the order of the table of states."""
    counted = Counter(each.row.status for items in groups for each in items)
    order = [*STATES, *sorted(counted.keys() - STATES.keys())]
    return [(state, counted[state]) for state in order if counted[state]]


def _drawing(part: Graph | None) -> dict[str, Any]:
    """Return what a page draws: analyses that are connected, unless there are too many."""
    if part is None or not part.edges:
        return {"graph": None, "many": 0, "alone": 0}
    connected = {key for edge in part.edges for key in (edge.source, edge.target)}
    alone = sum(key not in connected for key in part.nodes)
    if len(connected) > _DRAWN:
        return {"graph": None, "many": len(connected), "alone": alone}
    nodes = {key: node for key, node in part.nodes.items() if key in connected}
    drawing: Drawing = drawn(Graph(nodes, part.edges))
    return {"graph": drawing, "many": 0, "alone": alone}


def _left_over(folder: Path, subjects: Iterable[str]) -> Iterator[Path]:
    """Yield the pages of subjects that are in the ledger no more."""
    current = {page_of(name) for name in subjects}
    for path in folder.glob(page_of("*")):
        if path.name not in current and path.is_file():
            with path.open(encoding="utf-8", errors="replace") as stream:
                if _MARK in stream.read(500):
                    yield path


def _environment() -> jinja2.Environment:
    import jinja2

    templates = Path(str(files("asimov.templates"))) / "report"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(templates)),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        address=address, anchor=anchor, page_of=lambda name: quote(page_of(name)), kind_of=_kind_of
    )
    environment.filters["when"] = _when
    return environment


#: How states are coloured: by what they ask of people, so that few colours do.
_KINDS = {
    "running": "active",
    "processing": "active",
    "finished": "done",
    "uploaded": "done",
    "stuck": "bad",
    "stop": "held",
    "restart": "held",
    "wait": "held",
    "manual": "held",
    "review": "held",
    "stopped": "off",
    "cancelled": "off",
}


def _kind_of(state: str) -> str:
    return _KINDS.get(state, "plain")


def _when(time_of: str | None) -> str:
    """Return a time in ISO 8601 as people read it, to the minute."""
    return (time_of or "").replace("T", " ")[:16]
