"""The helper process that reads the project, and the questions that it answers.

The journal is read without a lock that a monitor could hold, so no answer waits for a pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from asimov.engine import graph
from asimov.engine.attendance import attendance
from asimov.engine.explain import explain
from asimov.engine.job_output.inside import Shown, output_inside
from asimov.engine.notifications.overview import notification_warnings
from asimov.engine.plain_data.analysis import analysis_data, settings_data
from asimov.engine.plain_data.events import event_data
from asimov.engine.plain_data.files import output_data, stored_data
from asimov.engine.plain_data.plan import plan_data
from asimov.engine.plain_data.requests import requests_data
from asimov.engine.plain_data.rerun import rerun_data
from asimov.engine.plain_data.reviews import reviews_data
from asimov.engine.plain_data.subject import subject_data
from asimov.engine.provenance.result_settings import result_settings
from asimov.engine.questions.answering import question_of
from asimov.engine.questions.shown import asked_of
from asimov.engine.rerun.plan import planned
from asimov.engine.selection import Selection
from asimov.engine.set_state import rehearse
from asimov.engine.status import shown_state
from asimov.engine.usage import used
from asimov.errors import AsimovError
from asimov.journal.access_keys import AccessKey, AccessKeys
from asimov.journal.answered_requests import Answer
from asimov.journal.history import keys_with_events, numbered_events
from asimov.journal.keys import Key
from asimov.journal.questions import Questions
from asimov.plugins.output import captured
from asimov.project.storage.listing import StoredFile, files
from asimov.project.workspace import Workspace
from asimov.report.contributions import contribution
from asimov.report.graph_formats import as_data
from asimov.server.api.blueprints import applied
from asimov.server.api.listing import Listing
from asimov.server.api.outcomes import answer_of
from asimov.server.api.paging import Page
from asimov.server.api.request_bodies import Action, ApplyRequest, Rerun
from asimov.server.faults import FaultError, refused
from asimov.server.older.subjects import subjects_data
from asimov.server.platipy.reader import DatasetReader, chores
from asimov.server.processes.answering import serve_questions
from asimov.server.processes.current_project import CurrentProject
from asimov.server.stored_files import stored_file
from asimov.system.json_text import as_json

#: Every analysis.
_ALL = Selection()


def main(folder: str) -> None:
    """Answer by the methods of `Reader`; `folder` is the project's."""
    serve_questions(folder, Reader)


class Reader:
    """Answers questions about a project that stays open, for reading only.

    Every answer is JSON text, unless it says otherwise.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._current = CurrentProject(root)
        self._open = self._current.opened
        self._listing: Listing | None = None
        #: How many analyses and jobs are in each state, and the state of the project of then.
        self._counts: dict[str, dict[str, int]] = {}
        self._counted_of: object = None

    @property
    def _workspace(self) -> Workspace:
        return self._current.workspace

    def overview(self) -> dict[str, Any]:
        """Return what the service tells of the whole project, as a mapping."""
        workspace = self._workspace
        if self._counted_of is not workspace.state:
            self._counts, self._counted_of = _counts(workspace), workspace.state
        return {
            "project": workspace.project.name,
            "subjects": len(workspace.contents.subjects),
            **self._counts,
            "monitor": attendance(workspace).as_json(),
        }

    def access_keys(self) -> list[AccessKey]:
        """Return the keys that are not revoked."""
        self._open.journal.renew()
        return [each for each in AccessKeys(self._open.journal).all() if each.revoked is None]

    def platipy(self, owner: str, question: str, *arguments: Any) -> Any:
        """Answer a question of a client of PlatiPy's protocol."""
        return DatasetReader(self._workspace, owner).answer(question, *arguments)

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
        shown, more = page.of(names, str)
        items = [{"name": names[i], "states": dict(states[names[i]])} for i in shown]
        return as_json({"items": items, "total": len(names), "next": more})

    def subject(self, name: str) -> str:
        """Return a subject."""
        workspace = self._workspace
        try:
            return as_json(subject_data(workspace, name))
        except AsimovError as error:
            raise refused(error, 404) from error

    def analyses(self, selection: Selection, page: Page) -> str:
        """Return a page of the selected analyses."""
        workspace = self._workspace
        if self._listing is None or self._listing.state is not workspace.state:
            self._listing = Listing(workspace)
        try:
            return self._listing.page(selection, page)
        except AsimovError as error:
            raise _not_selected(error) from error

    def analysis(self, subject: str, name: str) -> str:
        """Return an analysis; this loads its pipeline."""
        key = self._key(subject, name)
        with captured():
            shown, error = analysis_data(self._open, key)
            shown["settings_from"] = settings_data(self._open, key)["from"]
            result = result_settings(self._open, key)
            shown["settings_lines"] = result.lines if result else None
        shown["warning"] = str(error) if error else None
        return as_json(shown)

    def why(self, subject: str, name: str) -> str:
        """Explain the state of an analysis; this asks the scheduler."""
        return as_json(asdict(explain(self._open, self._key(subject, name))))

    def own(self, subject: str, name: str) -> str:
        """Return what the pipeline of an analysis has to show; this runs methods of it."""
        key = self._key(subject, name)
        project = self._open.project
        webroot = project.path(project.config.get("general", "webroot"))
        with captured():
            return as_json(asdict(contribution(self._open, key, webroot)))

    def graph(self, subject: str | None) -> str:
        """Return the graph of the project or of a subject; this loads pipelines."""
        workspace = self._workspace
        try:
            workspace.keys(subject)
        except AsimovError as error:
            raise refused(error, 404) from error
        with captured():
            return as_json(as_data(graph.graph(workspace, subject)))

    def _key(self, subject: str, name: str) -> Key:
        try:
            return self._workspace.key(subject, name)
        except AsimovError as error:
            raise refused(error, 404) from error

    def plan(self, order: ApplyRequest) -> Answer:
        """Plan to apply blueprints: nothing is written."""
        with captured():
            plan = applied(self._workspace, order, "")
        return Answer(200, as_json(plan_data(plan, done=False)))

    def rehearse(self, action: Action) -> Answer:
        """Say what setting a state would do: nothing changes."""
        keys = [self._key(*Key.of(each)) for each in dict.fromkeys(action.analyses)]
        try:
            with captured():
                return answer_of(rehearse(self._open, keys, str(action.status), lost=action.lost))
        except AsimovError as error:
            raise refused(error, 409) from error

    def rerun(self, order: Rerun) -> Answer:
        """Plan to run analyses again: nothing changes."""
        with captured():
            keys = [self._key(*Key.of(each)) for each in dict.fromkeys(order.analyses)]
            plan = planned(self._open, keys, with_users=order.downstream)
        return Answer(200, as_json(rerun_data(plan, {}, done=False)))

    def older(self, subject: str | None) -> list[dict[str, Any]]:
        """Return subjects and their analyses in the form of 0.8.0, as mappings."""
        return subjects_data(self._workspace, subject)

    # --- the monitor, usage, reviews, questions

    def monitor(self) -> str:
        """Return whether a monitor is at work, and what of it and of notifications worries."""
        workspace = self._workspace
        found = attendance(workspace)
        worries = notification_warnings(workspace)
        return as_json({**found.as_json(), "line": found.line(), "notifications": worries})

    def usage(self, selection: Selection) -> str:
        """Return what the ended jobs of analyses used."""
        keys = self._selected(selection)
        found = used(self._open, keys if selection.given else None)
        items = [
            {"subject": key.subject, "name": key.name, **structs.asdict(found[key])}
            for key in keys
            if key in found
        ]
        return as_json({"items": items})

    def reviews(self, selection: Selection) -> str:
        """Return the reviews of analyses."""
        return as_json({"items": reviews_data(self._open, self._selected(selection))})

    def requests(self, selection: Selection) -> str:
        """Return the open requests to run analyses again."""
        return as_json({"items": requests_data(self._open, self._selected(selection))})

    def questions(self) -> str:
        """Return what analyses ask."""
        workspace = self._workspace
        items = [
            asked_of(asked)
            for key, asked in Questions(workspace.journal).open().items()
            if workspace.status(key) == "asking"
        ]
        return as_json({"items": items})

    def question(self, subject: str, name: str) -> str:
        """Return what an analysis asks."""
        key = self._key(subject, name)
        try:
            return as_json(asked_of(question_of(self._open, key)))
        except AsimovError as error:
            raise refused(error, 404) from error

    def _selected(self, selection: Selection, more: Sequence[Key] = ()) -> list[Key]:
        try:
            return selection.of(self._workspace, more=more, may_be_empty=True)
        except AsimovError as error:
            raise _not_selected(error) from error

    # --- events

    def events(
        self,
        after: int | None,
        most: int,
        subject: str | None = None,
        name: str | None = None,
        selection: Selection = _ALL,
    ) -> tuple[list[tuple[int, dict[str, Any]]], int]:
        """Return events that follow one, with their numbers, and the number of the newest.

        Without `after`, these are the newest events. The oldest of them comes first.
        """
        keys, since = None, selection.since
        journal = self._open.journal
        selection = replace(selection, since=None)
        if selection.given:
            more = [*self._workspace.records, *keys_with_events(journal)]
            keys = self._selected(selection, more)
        else:
            journal.renew()  # nothing else has to be read again
        found, newest = numbered_events(journal, after, most, subject, name, keys=keys, since=since)
        return [(number, event_data(event)) for number, event in found], newest

    def news(
        self, after: int | None, most: int
    ) -> tuple[list[tuple[int, float, dict[str, Any]]], int]:
        """Return events as `events` does, each also with its time in seconds since the epoch."""
        journal = self._open.journal
        journal.renew()
        found, newest = numbered_events(journal, after, most)
        return [(number, event.time, event_data(event)) for number, event in found], newest

    # --- files

    def outputs(self, subject: str, name: str, last: int) -> str:
        """Return what the jobs of an analysis wrote, with the ends of the files."""
        found, withheld = self._outputs(subject, name)
        stored = self._open.project.stored
        items = [{**output_data(each, last), "file": stored(each.path)} for each in found]
        return as_json({"items": items, "not_shown": list(withheld.values())})

    def output_file(self, subject: str, name: str, file: str) -> Path:
        """Return the path of one of these files."""
        found, withheld = self._outputs(subject, name)
        for each in found:
            if self._open.project.stored(each.path) == file:
                return each.path
        raise FaultError(404, withheld.get(file, f"{subject}/{name} has no output {file!r}"))

    def _outputs(self, subject: str, name: str) -> Shown:
        key = self._key(subject, name)
        with captured():
            return output_inside(self._open, key)

    def results(self, subject: str, name: str) -> str:
        """Return the stored results of an analysis."""
        return as_json({"items": [stored_data(each) for each in self._stored(subject, name)]})

    def result_file(self, subject: str, name: str, file: str) -> tuple[Path, str]:
        """Return the path of a stored result, and its SHA-256; only files of the manifest are."""
        found = stored_file(self._open, self._key(subject, name), file)
        if found is None:
            raise FaultError(404, f"{subject}/{name} has no stored result {file!r}")
        return found.path, str(found.entry.get("sha256", ""))

    def _stored(self, subject: str, name: str) -> list[StoredFile]:
        key = self._key(subject, name)
        return list(files(self._open.store, [key]))


def _not_selected(error: AsimovError) -> FaultError:
    return FaultError(400, error.message, "query", error.hint)


def _counts(workspace: Workspace) -> dict[str, dict[str, int]]:
    """Return how many analyses and how many jobs are in each state."""
    states: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    for key in workspace.contents.entries:
        record = workspace.records.get(key)
        job = record.job_state if record else None
        states[shown_state(workspace.status(key), job)] += 1
    for attempt in workspace.journal.open_attempts():
        record = workspace.records.get(attempt.key)
        jobs[(record.job_state if record else None) or attempt.state] += 1
    return {"states": dict(states), "jobs": dict(jobs)}
