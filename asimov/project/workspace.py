"""An open project: the ledger and the journal read, and everything that is made from them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from asimov import configuration, entrypoints
from asimov import layout as project
from asimov.errors import AsimovError
from asimov.journal.forgotten import forgotten, take_back
from asimov.journal.journal import Journal
from asimov.journal.log_offsets import Bookmarks
from asimov.journal.records import Build, Record
from asimov.keys import PROJECT_ANALYSES, Key
from asimov.layout import Project
from asimov.ledger import fields
from asimov.ledger.contents import Contents, Layer
from asimov.ledger.declared_settings import not_refused, with_defaults
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.store import LedgerFiles, project_analysis_file, subject_file
from asimov.mappings import copied, lay_over, merge
from asimov.project import current, identity
from asimov.project.analysis import Analysis
from asimov.project.facts import Facts
from asimov.project.objects import Objects
from asimov.project.subject import Subject
from asimov.scheduler import Scheduler
from asimov.settings.lookup import settings_of
from asimov.states import ALIASES, allowed
from asimov.text import did_you_mean


class Workspace:
    """A project with its ledger and journal as they were when they were read.

    Parameters
    ----------
    project
        The project.
    reading
        Whether it is only read: nothing is written, and nobody has to be able to write.

    Raises
    ------
    UnsettledError
        Where it may be a copy of another project, and is not only read.

    Attributes
    ----------
    contents
        The ledger.
    records
        The journal's record of each analysis.
    facts
        What pipelines wrote.
    """

    def __init__(self, project: Project, *, reading: bool = False) -> None:
        self.project = project
        self.journal = Journal(project.journal, reading=reading)
        self.files = LedgerFiles(project.ledger, self.journal)
        self._schedulers: dict[tuple[str, str], Scheduler] = {}
        #: What is asked to keep what was written to a subject, as published packages do.
        self.ledger: Any = None
        try:
            if not reading:
                identity.check(project, self.journal)
            self.files.finish_changes()
            self.reload()
        except BaseException:
            self.journal.close()
            raise
        current.remember(self)

    @classmethod
    def open(cls, start: Path | None = None, *, reading: bool = False) -> Workspace:
        """Open the project that a folder lies in, by default the current one."""
        return cls(project.find(start), reading=reading)

    @property
    def reading(self) -> bool:
        """Whether the project is only read."""
        return self.journal.reading

    def catch_up(self) -> None:
        """Read the ledger and the journal again unless they are as this process knows them.

        They are not where another process has written to the journal, or a transaction of this one
        was undone.
        """
        if (self.journal.version(), self.journal.undone) != self._version:
            self.reload()

    def reload(self) -> None:
        """Read the configuration, the ledger and the journal again."""
        config = configuration.read(self.project.root)
        if config != self.project.config:
            self.project = replace(self.project, config=config)
            self._schedulers = {}
        self._version = (self.journal.version(), self.journal.undone)
        self.journal.renew()
        self.records: dict[Key, Record] = self.journal.records()
        self.facts = Facts(self.journal)
        self.__dict__.pop("builds", None)
        self.go_by(self.files.load())

    def go_by(self, contents: Contents) -> None:
        """Make objects anew by a ledger that may not be in its files yet; `reload` ends that."""
        self.contents = contents
        self._objects = Objects(self)
        self.__dict__.pop("dependencies", None)

    def adopt(self) -> None:
        """Give a record to every analysis that was written into the ledger by hand."""
        new = [
            (key, self.first_status(key), f"found in {entry.file}")
            for key, entry in self.contents.entries.items()
            if key not in self.records
        ]
        take_back(self.journal, self.contents.entries)
        if new:
            self.journal.add(new, "ledger")
            self.records = self.journal.records()

    # --- what there is

    def first_status(self, key: Key) -> str:
        """Return the state that the ledger has an analysis begin in."""
        status = self.contents.entries[key].data.get("status") or "ready"
        return ALIASES.get(status, status)

    def status(self, key: Key) -> str:
        """Return the state of an analysis."""
        record = self.records.get(key)
        return record.status if record else self.first_status(key)

    def keys(self, subject: str | None = None) -> list[Key]:
        """Return the analyses, or those of one subject.

        Raises
        ------
        AsimovError
            Where there is no such subject.
        """
        if subject is None:
            return list(self.contents.entries)
        if subject not in self.contents.subjects and subject != PROJECT_ANALYSES:
            raise self.unknown_subject(subject)
        return [key for key in self.contents.entries if key[0] == subject]

    def unlisted(self, subject: str | None = None) -> list[Record]:
        """Return what the journal knows of analyses that are missing from the ledger.

        Those in files that can't be used are left out, and those that a person has confirmed to be
        removed.

        Parameters
        ----------
        subject
            The only subject to look at; by default all are.
        """
        found = [
            record
            for key, record in self.records.items()
            if key not in self.contents.entries and subject in {None, key[0]}
        ]
        if found:
            known = forgotten(self.journal)
            broken = self.contents.broken
            found = [
                each
                for each in found
                if each.key not in known and self.file_of(each.key) not in broken
            ]
        return found

    def key(self, subject: str, name: str) -> Key:
        """Return the key of an analysis that a person named.

        Raises
        ------
        AsimovError
            Where there is none, with the nearest that there is.
        """
        if (subject, name) in self.contents.entries:
            return Key(subject, name)
        if error := self._missing(subject, name):
            raise error
        keys = self.keys(subject)
        near = did_you_mean(name, [each for _, each in keys])
        names = ", ".join(each for _, each in keys[:10]) or "none"
        raise AsimovError(
            f"{subject} has no analysis {name!r}{near}", hint=f"its analyses: {names}"
        )

    def _missing(self, subject: str, name: str) -> AsimovError | None:
        """Return the error about an analysis that only the journal knows."""
        record = self.records.get(Key(subject, name))
        file = self.file_of(Key(subject, name))
        if record is None or file in self.contents.broken:
            return None
        return AsimovError(
            f"{subject}/{name} is not in the ledger; the journal knows it as {record.status}",
            hint=f"restore ledger/{file} from git or a copy; 'asimov log {subject} {name}' has its "
            "history",
        )

    def file_of(self, key: Key) -> str:
        """Return the ledger file that holds an analysis, or should."""
        subject, name = key
        if subject == PROJECT_ANALYSES:
            return project_analysis_file(name)
        return subject_file(subject)

    def unknown_subject(self, name: str) -> AsimovError:
        """Return the error that says that the ledger has no subject of a name."""
        broken = self.contents.broken.get(subject_file(name))
        if broken:
            return broken
        names = list(self.contents.subjects)
        listed = ", ".join(names[:10]) or "none yet; 'asimov apply' adds them"
        return AsimovError(
            f"there is no subject {name!r}{did_you_mean(name, names)}", hint=f"subjects: {listed}"
        )

    def analysis(self, key: Key) -> Analysis:
        """Return an analysis, always the same object."""
        return self._objects.analysis(key)

    def subject(self, name: str) -> Subject:
        """Return a subject, always the same object."""
        return self._objects.subject(name)

    # --- what is worked out

    def settings(self, key: Key) -> dict[str, Any]:
        """Return the settings of an analysis without its pipeline's defaults, a mapping of its own.

        No plugin is loaded for it; `effective` has the defaults too.
        """
        return self.contents.settings(self.contents.entries[key], self.facts)

    def _given(self, key: Key) -> dict[str, Any]:
        return self.contents.given(self.contents.entries[key], self.facts)

    def layers(self, key: Key) -> list[Layer]:
        """Return the layers of an analysis's settings, the defaults of its pipeline lowest.

        Its settings class is loaded for it, and where that is not published the pipeline.
        """
        entry = self.contents.entries[key]
        layers = self.contents.layers(entry, self.facts)
        declared = settings_of(entry.pipeline)
        if declared:
            layers = with_defaults(layers, declared, entry.pipeline)
        derived = fields.derived(merge(layer for _, layer in layers))
        if declared:
            derived = not_refused(derived, declared)
        return [*layers, ("follows from other settings", derived)] if derived else layers

    def effective(self, key: Key) -> dict[str, Any]:
        """Return the settings of an analysis as its pipeline sees them, a mapping of its own."""
        return merge(layer for _, layer in self.layers(key))

    def subject_settings(self, name: str) -> dict[str, Any]:
        """Return the effective settings of a subject, a mapping of its own."""
        return self.contents.subject_settings(name, self.facts)

    @cached_property
    def dependencies(self) -> Dependencies:
        """Which analyses each analysis depends on."""
        return Dependencies(self.contents, self._given, self.status)

    @cached_property
    def builds(self) -> dict[Key, Build]:
        """What was last built of each analysis."""
        return self.journal.builds()

    # --- what is written

    def move(self, key: Key, after: str, actor: str, reason: str | None) -> bool:
        """Move an analysis to another state; False where somebody else has moved it.

        Parameters
        ----------
        key, after
            The analysis and its new state.
        actor
            ``submit``, ``monitor`` or a person's name.
        reason
            Why.

        Raises
        ------
        ValueError
            Where the table of transitions has no such way: a fault of the caller's.
        """
        role = actor if actor in {"submit", "monitor"} else "person"
        if not allowed(self.status(key), after, role):
            raise ValueError(f"{key}: no way from {self.status(key)} to {after} by {actor}")
        before = self.status(key)
        with self.journal.transaction():
            moved = self.journal.set_status(key, before, after, actor, reason)
            if moved and _runs_again(before, after):
                review = self.settings(key).get("review")
                self._show_review(key, self.facts.withdraw_review(key, review, actor))
        record = self.journal.record(key)
        if record:
            self.records[key] = record
        if self.dependencies.asks_status:
            del self.dependencies
        return moved

    def give_reason(self, key: Key, actor: str, reason: str) -> None:
        """Say anew why an analysis is in the state that it stays in."""
        self.journal.set_reason(key, actor, reason)
        self.records[key] = self.records[key]._replace(reason=reason)

    def keep(self, analysis: Analysis) -> None:
        """Keep what a pipeline has written to an analysis and to its subject."""
        self._objects.keep(analysis)

    def keep_subject(self, subject: Subject) -> None:
        """Keep what a pipeline has written to a subject."""
        self._objects.keep_subject(subject)

    def overrule(self, key: Key, wanted: dict[str, Any]) -> None:
        """Apply settings of the ledger that facts would otherwise hide.

        Parameters
        ----------
        key
            The analysis, or a subject with an empty name.
        wanted
            The settings that were just written to the ledger.
        """
        if key in self.facts:
            now = self.settings(key) if key[1] else self.subject_settings(key[0])
            self.facts.keep(key, now, lay_over(copied(now), wanted))

    def review(self, key: Key, message: str | None, status: str | None, by: str) -> None:
        """Keep a person's message about an analysis and its verdict.

        Parameters
        ----------
        key
            The analysis.
        message, status
            The message, and one of `asimov.ledger.reviews.STATUSES`; either may be None.
        by
            Who reviews it.
        """
        before = self.settings(key).get("review")
        self._show_review(key, self.facts.review(key, before, message, status, by))

    def _show_review(self, key: Key, review: dict[str, Any] | None) -> None:
        if review is not None:
            self._objects.show_review(key, review)
            self.__dict__.pop("dependencies", None)

    # --- where jobs run

    def scheduler(self, name: str | None = None, place: str = "") -> Scheduler:
        """Return a scheduler, by default the project's, at a place that an attempt names.

        Raises
        ------
        AsimovError
            Where there is none of that name.
        """
        name = (name or self.scheduler_name).lower()
        if (name, place) not in self._schedulers:
            kind = entrypoints.load(entrypoints.SCHEDULERS, name)
            made = kind.from_project(self.project.root, self.project.config).at(place)
            made.bookmarks = Bookmarks(self.journal, self.project.root)
            if self.reading:
                made.only_read()
            self._schedulers[name, place] = made
        return self._schedulers[name, place]

    @property
    def scheduler_name(self) -> str:
        """The name of the project's scheduler."""
        return self.project.config.get("scheduler", "type", fallback="local").lower()


def workspace_of(analysis: Analysis) -> Workspace:
    """Return the whole open project of an analysis, which itself asks for a part of it."""
    return cast("Workspace", analysis.workspace)


def _runs_again(before: str, after: str) -> bool:
    """Say whether what was made so far, if anything, is made anew after a change of state."""
    return after == "restart" or (after == "ready" and before not in {"wait", "manual"})
