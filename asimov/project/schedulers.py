"""The schedulers of an open project, each made once for each place where its jobs are."""

from __future__ import annotations

from asimov.discovery import entrypoints
from asimov.journal.journal import Journal
from asimov.journal.log_offsets import Bookmarks
from asimov.project.layout import Project
from asimov.scheduler import Scheduler


class Schedulers:
    """The schedulers of an open project.

    Parameters
    ----------
    project
        The project, with its configuration.
    journal
        Its journal; schedulers of one that is only read only read, too.
    """

    def __init__(self, project: Project, journal: Journal) -> None:
        self._project = project
        self._journal = journal
        self._made: dict[tuple[str, str], Scheduler] = {}

    def get(self, name: str | None, place: str) -> Scheduler:
        """Return a scheduler, always the same object; see `Workspace.scheduler`."""
        name = (name or self._project.scheduler_name).lower()
        if (name, place) not in self._made:
            kind = entrypoints.load(entrypoints.SCHEDULERS, name)
            made = kind.from_project(self._project.root, self._project.config).at(place)
            made.bookmarks = Bookmarks(self._journal, self._project.root)
            if self._journal.reading:
                made.only_read()
            self._made[name, place] = made
        return self._made[name, place]
