"""The helper process that reads plugins and tasks for QHAna's protocol."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from asimov.journal.questions import Asked, Questions
from asimov.journal.tasks import Task, Tasks
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.processes.answering import serve_questions
from asimov.server.qhana.catalogue import Catalogue, metadata
from asimov.server.qhana.form_pages import plugin_page, step_page
from asimov.server.qhana.task_view import check_is_there, view
from asimov.server.stored_files import stored_file


def main(folder: str) -> None:
    """Answer by the methods of `TaskReader`; `folder` is the project's."""
    serve_questions(folder, TaskReader)


class TaskReader:
    """Shows plugins and tasks.

    Parameters
    ----------
    folder
        The project's.
    """

    def __init__(self, folder: Path) -> None:
        self._workspace = Workspace.open(folder, reading=True)
        with captured():
            self._catalogue = Catalogue(self._workspace)

    def plugins(self, root: str) -> dict[str, Any]:
        """Return the list of plugins."""
        self._workspace.journal.renew()
        return {"plugins": self._catalogue.listed(root)}

    def plugin(self, name: str, root: str) -> dict[str, Any] | str:
        """Return what a plugin says of itself, or the address of the one that is meant."""
        self._workspace.journal.renew()
        if name in self._catalogue.own:
            return metadata(self._catalogue.own[name], root)
        return self._catalogue.address(name, root)

    def plugin_page(self, name: str) -> str:
        """Return the page with the form of a plugin."""
        found = self._catalogue.plugin(name)
        card = found.card
        return plugin_page(card.title or card.name, card.description, found.settings)

    def task(self, number: int, root: str) -> dict[str, Any]:
        """Return a task."""
        return view(self._workspace, self._task(number), root)

    def _task(self, number: int) -> Task:
        self._workspace.catch_up()
        found = Tasks(self._workspace.journal).get(number)
        if found is None:
            raise FaultError(404, f"there is no task {number}", "address")
        return found

    def step_page(self, number: int, step: int) -> str:
        """Return the page with the form of a step."""
        task = self._task(number)
        asked: Asked | None = next(
            (e for e in Questions(self._workspace.journal).of(task.key) if e.number == step), None
        )
        if asked is None:
            raise FaultError(404, f"the task {number} has no step {step}", "address")
        if asked.answered is None:
            check_is_there(self._workspace, task)
        return step_page(asked.said, asked.declared["rows"])

    def file(self, number: int, tag: str) -> tuple[Path, str]:
        """Return the path of a file of a task, and its media type."""
        self._workspace.catch_up()
        found = Tasks(self._workspace.journal).file(number)
        if found is None or not hmac.compare_digest(found[1].tag.encode(), tag.encode()):
            raise FaultError(404, "there is no such file", "query: file-id")
        task, file = found
        stored = stored_file(self._workspace, task.key, file.stored)
        if stored is None:
            raise FaultError(404, "the file is no longer in the results store", file.file)
        return stored.path, file.content_type
