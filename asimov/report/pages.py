"""Write the HTML report: the dashboard's pages as plain files, one for each analysis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asimov.engine.graph import graph, parts
from asimov.engine.status import without_entry
from asimov.journal.keys import Key
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace
from asimov.report.contributions import contribution
from asimov.report.details import details
from asimov.report.drawings import drawing
from asimov.report.links import Static, page_of_analysis, page_of_subject
from asimov.report.overview import Query, known, overview
from asimov.report.rendering import MARK, page
from asimov.system import progress
from asimov.system.files import write_atomically

#: More than any list has.
_ALL = 1_000_000_000


def write(workspace: Workspace, folder: Path, subject: str | None = None) -> list[Path]:
    """Write the report; each page is replaced as a whole.

    Parameters
    ----------
    workspace
        The open project.
    folder
        Where to write the pages.
    subject
        Rewrite only the pages of this subject and its analyses, and the index.

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
    keys: dict[str, list[Key]] = {
        name: [] for name in (*workspace.contents.subjects, *(row.subject for row in hidden))
    }
    for key in (*workspace.contents.entries, *(Key(row.subject, row.name) for row in hidden)):
        keys.setdefault(key.subject, []).append(key)
    links, project = Static(folder), workspace.project.name
    everything = known(workspace)
    shown = overview(workspace, Query(), _ALL, everything)
    text = page(
        "overview.html", links, project, shown=shown, query=Query(), sorts={}, subjects=list(keys)
    )
    written = [_write(folder / "index.html", text)]
    graphs = parts(whole)
    chosen = [(name, each) for name, each in keys.items() if subject in {None, name}]
    with captured("pipelines, while the report was made,"):
        for name, own in progress.over(chosen, "writing pages"):
            query = Query(subject=name)
            text = page(
                "subject.html", links, project, shown=overview(workspace, query, _ALL, everything),
                query=query, sorts={}, **drawing(graphs.get(name)),
            )  # fmt: skip
            written.append(_write(folder / page_of_subject(name), text))
            for key in own:
                text = page(
                    "analysis.html", links, project,
                    shown=details(workspace, key, needs.get(key, []), everything.rows[key]),
                    own=contribution(workspace, key, folder), frame=False,
                )  # fmt: skip
                written.append(_write(folder / page_of_analysis(key), text))
    for path in _left_over(folder, keys):
        path.unlink(missing_ok=True)
    return written


def _write(path: Path, text: str) -> Path:
    # No sync: a lost page can be written again, but no reader may see half a page.
    write_atomically(path, text, sync=False)
    return path


def _left_over(folder: Path, keys: dict[str, list[Key]]) -> Iterator[Path]:
    """Yield the pages of subjects and analyses that are no longer in the ledger."""
    current = {page_of_subject(name) for name in keys}
    current |= {page_of_analysis(key) for own in keys.values() for key in own}
    for pattern in (page_of_subject("*"), page_of_analysis(Key("*", "*"))):
        for path in folder.glob(pattern):
            if path.name not in current and path.is_file():
                with path.open(encoding="utf-8", errors="replace") as stream:
                    if MARK in stream.read(500):
                        yield path
