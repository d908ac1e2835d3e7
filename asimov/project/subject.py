"""A subject, the thing that analyses study, as pipelines see it: settings, repository, analyses."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from asimov.discovery import extensions
from asimov.journal.keys import Key
from asimov.project.analysis import Analysis, ProjectWithAnalyses
from asimov.project.git.repository import EventRepo
from asimov.rendering.access import reads
from asimov.settings.merging import copied
from asimov.system.files import is_folder


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
        Its effective settings. What a pipeline writes here is kept, and applies to the subject's
        later analyses.
    """

    #: What a project's templates may read; see `asimov.rendering.access`.
    for_templates: ClassVar[dict[str, str]] = reads(
        "name", "meta", "repository", "analyses", "issue_object"
    )

    def __init__(self, name: str, workspace: ProjectWithAnalyses) -> None:
        extensions.extend(Subject, "subject")
        self.name = name
        self.workspace: ProjectWithAnalyses = workspace
        self.meta: dict[str, Any] = workspace.subject_settings(name)
        self.kept_meta: dict[str, Any] = copied(self.meta)
        self.added: list[Any] = []
        self._analyses: dict[Key, Analysis] = {}
        self.issue_object = None

    def __repr__(self) -> str:
        return f"<Subject {self.name}>"

    @cached_property
    def repository(self) -> EventRepo:
        """The git repository that holds the configurations of its analyses."""
        project = self.workspace.project
        own = self.workspace.contents.subjects.get(self.name, {}).get("repository")
        if own is None:
            return self._repository(project.checkouts / self.name, project.checkouts)
        path = project.path(own)
        if is_folder(path):
            return self._repository(path)
        # A clone must not lie inside the project's repository of the other subjects.
        clone = project.checkouts.with_name(f"{project.checkouts.name}-own") / self.name
        return self._repository(clone, url=own)

    def _repository(
        self, folder: Path, root: Path | None = None, url: str | None = None
    ) -> EventRepo:
        workspace = self.workspace
        return EventRepo(folder, root, url, project=workspace.project, reading=workspace.reading)

    @property
    def analyses(self) -> list[Analysis]:
        """Its analyses, in the ledger's order."""
        keys = [key for key in self.workspace.contents.entries if key[0] == self.name]
        for key in keys:
            # Keep the objects as long as this one: packages write to them, and that is kept later.
            if key not in self._analyses:
                self._analyses[key] = self.workspace.analysis(key)
        return [self._analyses[key] for key in keys]

    @property
    def handed_out(self) -> list[Analysis]:
        """Its analyses whose settings were read, and may have been changed, through this object."""
        return [each for each in self._analyses.values() if "meta" in vars(each)]
