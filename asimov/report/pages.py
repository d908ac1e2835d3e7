"""Write the HTML report: an index of the project and a page for each subject."""

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
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace
from asimov.report.contributions import contribution
from asimov.report.graph_drawing import Drawing, draw
from asimov.report.summaries import Summary, address, anchor, page_of, summary
from asimov.states import STATES
from asimov.system import clock, progress
from asimov.system.files import write_atomically
from asimov.text import block, joined

if TYPE_CHECKING:
    import jinja2

#: The most analyses in a drawing. The tables list them all.
_DRAWN = 150
#: The start of every page. Only files that contain it are ever removed.
_MARK = '<meta name="generator" content="asimov'


def write(workspace: Workspace, folder: Path, subject: str | None = None) -> list[Path]:
    """Write the report; each page is replaced as a whole.

    Parameters
    ----------
    workspace
        The open project.
    folder
        Where to write the pages.
    subject
        Rewrite only this subject's page, and the index, which covers all subjects.

    Returns
    -------
    list of pathlib.Path
        The files that were written, the index first.

    Raises
    ------
    AsimovError
        If there is no such subject, or a page can't be written.
    """
    hidden = without_entry(workspace)
    if subject is not None and all(row.subject != subject for row in hidden):
        workspace.keys(subject)
    whole = graph(workspace)
    needs = whole.sources()
    by_subject: dict[str, list[Summary]] = {
        name: [] for name in (*workspace.contents.subjects, *(row.subject for row in hidden))
    }
    listed = [*rows(workspace, workspace.contents.entries), *hidden]
    for row in progress.over(listed, "reading records"):
        edges = needs.get(Key(row.subject, row.name), [])
        by_subject.setdefault(row.subject, []).append(summary(workspace, row, edges))
    environment = _environment()
    now = clock.iso()
    about = {"project": workspace.project.name, "now": now, "version": __version__, "mark": _MARK}
    index = environment.get_template("index.html").render(
        **about, subjects=by_subject, counts=_counts(by_subject.values()), graph=None
    )
    written = [_write(folder / "index.html", index)]
    page = environment.get_template("subject.html")
    graphs = parts(whole)
    with captured("pipelines, while the report was made,"):
        for name, items in progress.over(by_subject.items(), "writing pages"):
            if subject not in {None, name}:
                continue
            text = page.render(
                **about,
                subject=name,
                across=name == PROJECT_ANALYSES,
                items=[(each, contribution(workspace, each.key, folder)) for each in items],
                counts=_counts([items]),
                **_drawing(graphs.get(name)),
            )
            written.append(_write(folder / page_of(name), text))
    for path in _left_over(folder, by_subject):
        path.unlink(missing_ok=True)
    return written


def _write(path: Path, text: str) -> Path:
    # No sync: a lost page can be written again, but no reader may see half a page.
    write_atomically(path, block(text), sync=False)
    return path


def _counts(groups: Iterable[list[Summary]]) -> list[tuple[str, int]]:
    """Count the analyses in each state, in the order of the table of states."""
    counted = Counter(each.row.status for items in groups for each in items)
    order = [*STATES, *sorted(counted.keys() - STATES.keys())]
    return [(state, counted[state]) for state in order if counted[state]]


def _drawing(part: Graph | None) -> dict[str, Any]:
    """Return a drawing of the connected analyses, unless there are too many."""
    if part is None or not part.edges:
        return {"graph": None, "many": 0, "alone": 0}
    connected = {key for edge in part.edges for key in (edge.source, edge.target)}
    alone = sum(key not in connected for key in part.nodes)
    if len(connected) > _DRAWN:
        return {"graph": None, "many": len(connected), "alone": alone}
    nodes = {key: node for key, node in part.nodes.items() if key in connected}
    drawing: Drawing = draw(Graph(nodes, part.edges))
    return {"graph": drawing, "many": 0, "alone": alone}


def _left_over(folder: Path, subjects: Iterable[str]) -> Iterator[Path]:
    """Yield the pages of subjects that are no longer in the ledger."""
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
    environment.filters["joined"] = lambda parts: joined(*parts)
    return environment


#: The colours of states, by what they ask of people.
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
    "asking": "held",
    "stopped": "off",
    "cancelled": "off",
}


def _kind_of(state: str) -> str:
    return _KINDS.get(state, "plain")


def _when(time_of: str | None) -> str:
    """Return an ISO 8601 time in a readable form, to the minute."""
    return (time_of or "").replace("T", " ")[:16]
