"""The objects for analyses and subjects of an open project, each made once."""

from __future__ import annotations

from typing import Any, Protocol

from asimov.journal.keys import Key
from asimov.ledger import fields_of_science
from asimov.project.analysis import KINDS, Analysis, ProjectWithAnalyses
from asimov.project.facts import Facts
from asimov.project.subject import Subject
from asimov.settings.merging import copied, difference, lay_over


class ProjectWithFacts(ProjectWithAnalyses, Protocol):
    """An open project that keeps what is written to its objects."""

    facts: Facts


class Objects:
    """The analyses and subjects that pipelines see, and what was written to them.

    Parameters
    ----------
    project
        The open project.
    """

    def __init__(self, project: ProjectWithFacts) -> None:
        self._project = project
        self._analyses: dict[Key, Analysis] = {}
        self._subjects: dict[str, Subject] = {}

    def analysis(self, key: Key) -> Analysis:
        """Return an analysis, always the same object."""
        if key not in self._analyses:
            entry = self._project.contents.entries[key]
            made = (
                fields_of_science.kind(entry.kind, self._project.settings(key)) or KINDS[entry.kind]
            )
            self._analyses[key] = made(entry, self._project)
        return self._analyses[key]

    def subject(self, name: str) -> Subject:
        """Return a subject, always the same object."""
        if name not in self._subjects:
            self._subjects[name] = Subject(name, self._project)
        return self._subjects[name]

    def keep(self, analysis: Analysis) -> None:
        """Keep what a pipeline has written to an analysis and to its subject."""
        # Without settings that were read, nobody has written to them.
        if "meta" in vars(analysis) and self._project.facts.keep(
            analysis.key, analysis.kept_meta, analysis.meta
        ):
            analysis.kept_meta = copied(analysis.meta)
        if analysis.key[0] in self._subjects:
            self.keep_subject(self._subjects[analysis.key[0]])

    def keep_subject(self, subject: Subject) -> None:
        """Keep what a pipeline has written to a subject, and show it to the subject's analyses."""
        if not difference(subject.kept_meta, subject.meta):
            return
        before = self._project.subject_settings(subject.name)
        if self._project.facts.keep(Key(subject.name, ""), before, subject.meta):
            self._update_analyses(subject.name)
        subject.kept_meta = copied(subject.meta)

    def _update_analyses(self, subject: str) -> None:
        """Update the analyses of a subject whose settings have changed."""
        for key, analysis in self._analyses.items():
            if key[0] == subject and "kept_meta" in vars(analysis):  # else they are read later
                changes = difference(analysis.kept_meta, self._project.effective(key))
                lay_over(analysis.kept_meta, changes)
                lay_over(analysis.meta, changes)

    def show_review(self, key: Key, review: dict[str, Any]) -> None:
        """Update an analysis whose review has changed."""
        if key in self._analyses and "kept_meta" in vars(self._analyses[key]):
            for settings in (self._analyses[key].meta, self._analyses[key].kept_meta):
                settings["review"] = copied(review)
