"""What the service reads of the project, in a helper process: always as it is now.

The journal is read without a lock that a monitor could hold, so no answer waits for a pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asimov.engine import graph
from asimov.engine.attendance import attendance
from asimov.engine.explain import explain
from asimov.engine.job_output.files import OutputFile, output_files
from asimov.engine.plain_data.analysis import analysis_data, rows_of, selected, settings_data
from asimov.engine.plain_data.events import event_data
from asimov.engine.plain_data.files import output_data, stored_data
from asimov.engine.plain_data.plan import plan_data
from asimov.engine.plain_data.subject import subject_data
from asimov.engine.selection import Selection
from asimov.engine.status import shown_state
from asimov.errors import AsimovError
from asimov.journal.access_keys import AccessKey, AccessKeys
from asimov.journal.answered_requests import Answer
from asimov.journal.history import numbered_events
from asimov.journal.keys import Key
from asimov.plugins.output import captured
from asimov.project.storage.listing import StoredFile, files
from asimov.project.workspace import Workspace
from asimov.report.graph_formats import as_data
from asimov.server.applying import applied
from asimov.server.faults import FaultError, fault_of
from asimov.server.orders import Application
from asimov.server.platipy.reading import Shown, chores
from asimov.server.present import Present
from asimov.system.json_text import as_json


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes
    ----------
    limit
        The most items.
    after
        The identity of the item that comes before the first; empty for the beginning.
    """

    limit: int
    after: str = ""

    def of(self, names: Sequence[str]) -> tuple[list[int], str | None]:
        """Return the places of the items of this page, and what the next one comes after."""
        start = 0
        if self.after:
            try:
                start = names.index(self.after) + 1
            except ValueError:
                raise FaultError(
                    400, f"there is no {self.after!r} in the list now", "query: after"
                ) from None
        end = min(start + self.limit, len(names))
        return list(range(start, end)), names[end - 1] if end < len(names) else None


class Reading:
    """Answers questions about a project that stays open, for reading only.

    Every answer is JSON text, unless it says otherwise.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._present = Present(root)
        self._open = self._present.opened

    @property
    def _workspace(self) -> Workspace:
        return self._present.workspace

    def overview(self) -> dict[str, Any]:
        """Return what the service tells of the whole project, as a mapping."""
        workspace = self._workspace
        states: Counter[str] = Counter()
        jobs: Counter[str] = Counter()
        for key in workspace.contents.entries:
            record = workspace.records.get(key)
            job = record.job_state if record else None
            states[shown_state(workspace.status(key), job)] += 1
        for attempt in workspace.journal.open_attempts():
            record = workspace.records.get(attempt.key)
            jobs[(record.job_state if record else None) or attempt.state] += 1
        return {
            "project": workspace.project.name,
            "subjects": len(workspace.contents.subjects),
            "states": dict(states),
            "jobs": dict(jobs),
            "monitor": attendance(workspace).as_json(),
        }

    def access_keys(self) -> list[AccessKey]:
        """Return the keys that are not revoked."""
        self._open.journal.renew()
        return [each for each in AccessKeys(self._open.journal).all() if each.revoked is None]

    def platipy(self, owner: str, question: str, *arguments: Any) -> Any:
        """Answer a question of a client of PlatiPy's protocol."""
        return Shown(self._workspace, owner).answer(question, *arguments)

    def platipy_chores(self) -> dict[str, bool]:
        """Return what should be done for PlatiPy's protocol besides its calls."""
        return chores(self._workspace)

    # --- subjects and analyses

    def subjects(self, page: Page) -> str:
        """Return a page of the subjects, with the number of analyses in each state."""
        workspace = self._workspace
        states: dict[str, Counter[str]] = {name: Counter() for name in workspace.contents.subjects}
        for key in workspace.contents.entries:
            if key.subject in states:
                states[key.subject][workspace.status(key)] += 1
        names = list(states)
        shown, more = page.of(names)
        items = [{"name": names[i], "states": dict(states[names[i]])} for i in shown]
        return as_json({"items": items, "total": len(names), "next": more})

    def subject(self, name: str) -> str:
        """Return a subject."""
        workspace = self._workspace
        try:
            return as_json(subject_data(workspace, name))
        except AsimovError as error:
            raise _missing(error) from error

    def analyses(self, selection: Selection, page: Page) -> str:
        """Return a page of the selected analyses."""
        workspace = self._workspace
        try:
            keys, hidden = selected(workspace, selection)
        except AsimovError as error:
            raise FaultError(400, error.message, "query", error.hint) from error
        names = [str(key) for key in keys]
        shown, more = page.of(names)
        found = rows_of(workspace, [keys[i] for i in shown], hidden)
        items = [row.as_json() for row in found]
        return as_json({"items": items, "total": len(keys), "next": more})

    def analysis(self, subject: str, name: str) -> str:
        """Return an analysis; this loads its pipeline."""
        key = self._key(subject, name)
        with captured():
            shown, error = analysis_data(self._open, key)
            shown["settings_from"] = settings_data(self._open, key)["from"]
        shown["warning"] = str(error) if error else None
        return as_json(shown)

    def why(self, subject: str, name: str) -> str:
        """Explain the state of an analysis; this asks the scheduler."""
        return as_json(asdict(explain(self._open, self._key(subject, name))))

    def graph(self, subject: str | None) -> str:
        """Return the graph of the project or of a subject; this loads pipelines."""
        workspace = self._workspace
        try:
            workspace.keys(subject)
        except AsimovError as error:
            raise _missing(error) from error
        with captured():
            return as_json(as_data(graph.graph(workspace, subject)))

    def _key(self, subject: str, name: str) -> Key:
        try:
            return self._workspace.key(subject, name)
        except AsimovError as error:
            raise _missing(error) from error

    def plan(self, order: Application) -> Answer:
        """Plan to apply blueprints: nothing is written."""
        with captured():
            plan = applied(self._workspace, order, "")
        return Answer(200, as_json(plan_data(plan, done=False)))

    # --- events

    def events(
        self, after: int | None, most: int, subject: str | None = None, name: str | None = None
    ) -> tuple[list[tuple[int, dict[str, Any]]], int]:
        """Return events that follow one, with their numbers, and the number of the newest.

        Without `after`, these are the newest events. The oldest of them comes first.
        """
        found, newest = numbered_events(self._workspace.journal, after, most, subject, name)
        return [(number, event_data(event)) for number, event in found], newest

    # --- files

    def outputs(self, subject: str, name: str, last: int) -> str:
        """Return what the jobs of an analysis wrote, with the ends of the files."""
        found = self._outputs(subject, name)
        stored = self._open.project.stored
        items = [{**output_data(each, last), "file": stored(each.path)} for each in found]
        return as_json({"items": items})

    def output_file(self, subject: str, name: str, file: str) -> Path:
        """Return the path of one of these files."""
        stored = self._open.project.stored
        for each in self._outputs(subject, name):
            if stored(each.path) == file:
                return each.path
        raise FaultError(404, f"{subject}/{name} has no output {file!r}")

    def _outputs(self, subject: str, name: str) -> list[OutputFile]:
        key = self._key(subject, name)
        project = self._open.project
        # A submit file may name any file of this machine; only the project's own are shown.
        folders = [each.resolve() for each in (project.root, project.working, project.results)]
        with captured():
            found = output_files(self._open, key)
        return [
            each
            for each in found
            if any(each.path.resolve().is_relative_to(folder) for folder in folders)
        ]

    def results(self, subject: str, name: str) -> str:
        """Return the stored results of an analysis."""
        return as_json({"items": [stored_data(each) for each in self._stored(subject, name)]})

    def result_file(self, subject: str, name: str, file: str) -> tuple[Path, str]:
        """Return the path of a stored result, and its SHA-256; only files of the manifest are."""
        results = self._open.project.results.resolve()
        for each in self._stored(subject, name):
            inside = each.path.resolve().is_relative_to(results)
            if each.name == file and inside and each.path.is_file():
                return each.path, str(each.entry.get("sha256", ""))
        raise FaultError(404, f"{subject}/{name} has no stored result {file!r}")

    def _stored(self, subject: str, name: str) -> list[StoredFile]:
        key = self._key(subject, name)
        return list(files(self._open.store, [key]))


def _missing(error: AsimovError) -> FaultError:
    fault = fault_of(error, 404)
    return FaultError(404, fault.what, fault.where, fault.hint)
