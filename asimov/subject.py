"""A subject as pipelines see it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.git import EventRepo

if TYPE_CHECKING:
    from asimov.analysis import Analysis
    from asimov.workspace import Workspace


class Subject:
    """A thing that is studied.

    Parameters
    ----------
    name
        Its name.
    workspace
        The open project.

    Attributes
    ----------
    meta
        Its effective settings. What a pipeline writes here is kept, and reaches the subject's
        later analyses.
    """

    def __init__(self, name: str, workspace: Workspace) -> None:
        self.name = name
        self.workspace = workspace
        self.meta: dict[str, Any] = workspace.subject_settings(name)
        self.issue_object = None

    def __repr__(self) -> str:
        return f"<Subject {self.name}>"

    @cached_property
    def repository(self) -> EventRepo:
        """The git repository that holds the configurations of its analyses."""
        project = self.workspace.project
        own = self.workspace.contents.subjects.get(self.name, {}).get("repository")
        if own is None:
            return EventRepo(project.checkouts / self.name, project.checkouts)
        path = project.path(own)
        if path.is_dir():
            return EventRepo(path)
        # A clone must not lie inside the project's repository of the other subjects.
        clone = project.checkouts.with_name(f"{project.checkouts.name}-own") / self.name
        return EventRepo(clone, url=own)

    @property
    def analyses(self) -> list[Analysis]:
        """Its analyses, in the ledger's order."""
        keys = [key for key in self.workspace.contents.entries if key[0] == self.name]
        return [self.workspace.analysis(key) for key in keys]

    @property
    def productions(self) -> list[Analysis]:
        """Its analyses, by the older word."""
        return self.analyses

    @property
    def work_dir(self) -> str:
        """The folder of its run directories, absolute."""
        return str(self.workspace.project.working / self.name)

    @property
    def webdir(self) -> str:
        """The folder of its pages, absolute."""
        config = self.workspace.project.config
        return str(Path(self.workspace.project.root, config.get("general", "webroot"), self.name))
