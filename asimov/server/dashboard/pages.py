"""What the pages of the dashboard contain, made from the project as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from asimov.engine.graph import Edge, Graph, Node
from asimov.engine.job_output.files import OutputFile
from asimov.engine.job_output.reading import last_lines
from asimov.engine.plain_data.events import event_data
from asimov.errors import AsimovError
from asimov.journal.history import numbered_events
from asimov.journal.keys import Key
from asimov.plugins.output import captured
from asimov.project.storage.listing import StoredFile
from asimov.project.workspace import Workspace
from asimov.report.contributions import has_own
from asimov.report.details import Product, details, logs
from asimov.report.drawings import drawing
from asimov.report.glances import Glance, glances
from asimov.report.links import Served
from asimov.report.overview import SORTS, Query, overview
from asimov.report.previews import PICTURES, preview
from asimov.report.rendering import page
from asimov.server.faults import FaultError, refused
from asimov.server.processes.answering import serve_questions
from asimov.server.processes.current_project import CurrentProject
from asimov.server.stored_files import stored_file
from asimov.system import clock

#: How many lines of a log a page has, rows and lines of a file, and events.
_LINES = 1000
_SHOWN = 500
_EVENTS = 200
#: The seconds after which an overview is made again, even if nothing seems to have changed.
_FRESH = 2.0


def main(folder: str) -> None:
    """Answer by the methods of `Pages`; `folder` is the project's."""
    serve_questions(folder, Pages)


class Pages:
    """Makes the pages of a project; each is HTML unless it says otherwise.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._current = CurrentProject(root)
        self._links = Served()
        self._newest = 0
        #: Overviews by what was asked, what they are chosen from, and the state of the project that
        #: they are of.
        self._kept: dict[Query, str] = {}
        self._seen: list[Glance] | None = None
        self._kept_of: object = None

    @property
    def _workspace(self) -> Workspace:
        """The project as it is now; the page then follows the events after the newest before."""
        journal = self._current.opened.journal
        journal.renew()
        _, self._newest = numbered_events(journal, None, 1)
        return self._current.workspace

    def _page(self, template: str, **shown: Any) -> str:
        name = self._current.opened.project.name
        return page(template, self._links, name, newest=self._newest, **shown)

    def overview(self, query: Query) -> str:
        """Return the overview; everybody who has it open asks for it after each event."""
        workspace = self._workspace
        state = (workspace.state, int(clock.now() / _FRESH))
        if state != self._kept_of:
            self._kept.clear()
            self._seen = None
            self._kept_of = state
        if query not in self._kept:
            if self._seen is None and not query.asks_outdated:
                self._seen = glances(workspace)
            seen = None if query.asks_outdated else self._seen
            shown = overview(workspace, query, seen=seen)
            self._kept[query] = self._page("overview.html", shown=shown, query=query, sorts=SORTS)
        return self._kept[query]

    def analysis(self, subject: str, name: str) -> str:
        """Return the page of an analysis."""
        workspace, key = self._found(subject, name)
        with captured():
            shown = details(workspace, key)
            frame = has_own(workspace, key)
        return self._page("analysis.html", shown=shown, own=None, frame=frame)

    def own(self, own: dict[str, Any]) -> str:
        """Return what a pipeline shows; see `asimov.report.contributions.Contribution`."""
        return self._page("own.html", own=own)

    def why(self, why: dict[str, Any]) -> str:
        """Return an explanation as a part of a page; see `asimov.engine.explain.Explanation`."""
        sections = {
            "why": why["because"],
            "is its result up to date": why["outdated"],
            "what would change that": why["moves"],
            "what it uses": why["uses"],
        }
        project = self._workspace.project
        log = project.stored(Path(why["log"])) if why["log"] else ""
        return self._page("why.html", why=why, log=log, sections=sections)

    def log(self, subject: str, name: str, file: str) -> str:
        """Return the page that follows what a job writes."""
        workspace, key = self._found(subject, name)
        found = self._log(workspace, key, file)
        lines = last_lines(found.path, _LINES)
        return self._page(
            "log.html", key=key, file=file, lines=lines, most=_LINES,
            bytes=found.path.stat().st_size, raw=f"/v1{_raw(key, 'logs', file)}",
        )  # fmt: skip

    def _log(self, workspace: Workspace, key: Key, file: str) -> OutputFile:
        with captured():
            found, withheld = logs(workspace, key)
        for each in found:
            if workspace.project.stored(each.path) == file and each.path.is_file():
                return each
        raise FaultError(404, withheld.get(file, f"{key} has no output {file!r}"))

    def product(self, subject: str, name: str, file: str) -> str:
        """Return the page of a stored file."""
        result = self._stored(*self._found(subject, name), file)
        each = Product(result, preview(result.path, _SHOWN, _SHOWN))
        raw = f"/v1{_raw(result.key, 'results', file)}"
        return self._page("product.html", key=result.key, each=each, raw=raw)

    def picture(self, subject: str, name: str, file: str) -> tuple[Path, str]:
        """Return the path of a stored picture and its media type."""
        result = self._stored(*self._found(subject, name), file)
        media = PICTURES.get(result.path.suffix.lower())
        if media is None:
            raise FaultError(404, f"{file!r} is not a picture")
        return result.path, media

    def _stored(self, workspace: Workspace, key: Key, file: str) -> StoredFile:
        found = stored_file(workspace, key, file)
        if found is None:
            raise FaultError(404, f"{key} has no stored result {file!r}")
        return found

    def changes(self, before: int | None) -> str:
        """Return what happened in the project, the newest first."""
        journal = self._workspace.journal
        found, _ = numbered_events(
            journal, None if before is None else max(0, before - _EVENTS - 1), _EVENTS
        )
        found = [each for each in found if before is None or each[0] < before]
        oldest = found[0][0] if found and found[0][0] > 1 else 0
        shown = {"events": [event_data(each) for _, each in reversed(found)]}
        return self._page("changes.html", shown=shown, oldest=oldest)

    def graph(self, data: dict[str, Any], subject: str) -> str:
        """Return the graph of the project or of a subject; see `asimov.report.graph_formats`."""
        keys = {each["id"]: Key(each["subject"], each["name"]) for each in data["nodes"]}
        nodes = {
            keys[each["id"]]: Node(
                keys[each["id"]], each["pipeline"], each["status"], each["kind"], each["outside"]
            )
            for each in data["nodes"]
        }
        edges = [
            Edge(keys[each["from"]], keys[each["to"]], each["used"], tuple(each["assets"]))
            for each in data["edges"]
        ]
        subjects = list(self._workspace.contents.subjects)
        return self._page(
            "graph.html", subject=subject, subjects=subjects, **drawing(Graph(nodes, edges))
        )

    def _found(self, subject: str, name: str) -> tuple[Workspace, Key]:
        workspace, key = self._workspace, Key(subject, name)
        try:
            if key not in workspace.records:
                workspace.key(subject, name)
        except AsimovError as error:
            raise refused(error, 404) from error
        return workspace, key


def _raw(key: Key, what: str, file: str) -> str:
    return (
        f"/subjects/{quote(key.subject, safe='')}/analyses/{quote(key.name, safe='')}"
        f"/{what}/{quote(file)}"
    )
