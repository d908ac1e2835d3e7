"""An open project: its ledger and journal as read, and what is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

from asimov import configuration
from asimov.journal.builds import Builds
from asimov.journal.confirmed_removals import take_back
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.records import Build, Record
from asimov.ledger import fields_of_science
from asimov.ledger.contents import Contents, Layer
from asimov.ledger.declared_settings import not_refused, with_defaults
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.store import LedgerFiles
from asimov.project import current, file_changes, identity, layout
from asimov.project.analysis import Analysis
from asimov.project.facts import Facts
from asimov.project.kept_layers import KeptLayers
from asimov.project.layout import Project
from asimov.project.lookup import key_of, keys_of, removal_of
from asimov.project.objects import Objects
from asimov.project.schedulers import Schedulers
from asimov.project.storage.store import Store
from asimov.project.subject import Subject
from asimov.scheduler import Scheduler
from asimov.scheduler.sites import catalogue
from asimov.scheduler.sites.profile import Site
from asimov.settings.lookup import settings_of
from asimov.settings.merging import copied, lay_over, merge
from asimov.states import ALIASES, allowed

#: The name of the layer of settings that follow from others.
FOLLOWS = "follows from other settings"


class Workspace:
    """A project with its ledger and journal as they were when they were read.

    Parameters
    ----------
    project
        The project.
    reading
        Whether to read it only: nothing is written, and no permission to write is needed.
    rehearsing
        Whether this is the dry run of a command that acts.

    Raises
    ------
    UnsettledError
        If it may be a copy of another project, unless it is only read.

    Attributes
    ----------
    contents
        The ledger.
    records
        The journal's record of each analysis.
    facts
        What pipelines and people wrote.
    state
        An object that is another one after each change of these that was read.
    """

    def __init__(
        self, project: Project, *, reading: bool = False, rehearsing: bool = False
    ) -> None:
        self.project = project
        self.rehearsing = rehearsing
        self.journal = Journal(project.journal, reading=reading)
        self.files = LedgerFiles(project.ledger, self.journal)
        self.contents = Contents()
        self.records: dict[Key, Record] = {}
        self.facts: Facts
        self._taken = -1
        self._layers = KeptLayers()
        self._schedulers = Schedulers(project, self.journal)
        #: The ledger as packages see it, which keeps what they write to a subject.
        self.ledger: Any = None
        try:
            if not reading:
                identity.check(project, self.journal)
            self.finish_changes()
            self.reload()
        except BaseException:
            self.journal.close()
            raise
        current.remember(self)

    @classmethod
    def open(cls, start: Path | None = None, *, reading: bool = False) -> Workspace:
        """Open the project that contains a folder, by default the current one."""
        return cls(layout.find(start), reading=reading)

    @cached_property
    def store(self) -> Store:
        """The project's results."""
        return Store(self.project.results)

    @property
    def reading(self) -> bool:
        """Whether the project is only read."""
        return self.journal.reading

    def catch_up(self, *, look: bool = True) -> None:
        """Reload if another process wrote to the journal, or a transaction was rolled back.

        Parameters
        ----------
        look
            As of `reload`.
        """
        if (self.journal.version(), self.journal.undone) != self._version:
            self.finish_changes()
            self.reload(look=look)

    def finish_changes(self) -> None:
        """Finish what a crash left of a change of the ledger, unless the project is only read."""
        self.files.finish_changes()
        if not self.reading and file_changes.pending(self.journal):
            with self.files.lock():
                file_changes.finish(self.project, self.journal)

    def reload(self, *, look: bool = True) -> None:
        """Read the configuration, the ledger and the journal again.

        Parameters
        ----------
        look
            Whether to look for edits by hand, of the configuration and the ledger. Without that,
            what commands have changed is seen.
        """
        self._version = (self.journal.version(), self.journal.undone)
        self.journal.renew()
        # What was kept in memory only is forgotten.
        changed = not self.reading or self._taken != self.journal.taken or self.facts.unsaved
        if look:
            config = configuration.read(self.project.root)
            if config != self.project.config:
                self.project = replace(self.project, config=config)
                self._schedulers = Schedulers(self.project, self.journal)
                self.__dict__.pop("site", None)
                changed = True
        if changed:
            self._taken = self.journal.taken
            self.records = self.journal.records(self.records)
            self.facts = Facts(self.journal)
        contents = self.files.load(look=look)
        if changed or contents is not self.contents:
            self.go_by(contents)
        self.__dict__.pop("_objects", None)

    def go_by(self, contents: Contents) -> None:
        """Use a ledger that may not be in its files yet, until the next `reload`."""
        self.contents = contents
        self.state = object()
        for name in ("_objects", "dependencies", "builds"):
            self.__dict__.pop(name, None)

    def adopt(self) -> None:
        """Add a record to the journal for each analysis that people added to the ledger by hand."""
        new = [
            (key, self.first_status(key), f"found in {entry.file}")
            for key, entry in self.contents.entries.items()
            if key not in self.records
        ]
        take_back(self.journal, self.contents.entries)
        if new:
            self.journal.add(new, "ledger")
            self.records = self.journal.records()

    # --- analyses and subjects

    def first_status(self, key: Key) -> str:
        """Return the state in which the ledger starts an analysis."""
        status = self.contents.entries[key].data.get("status") or "ready"
        return ALIASES.get(status, status)

    def status(self, key: Key) -> str:
        """Return the state of an analysis."""
        record = self.records.get(key)
        return record.status if record else self.first_status(key)

    def keys(self, subject: str | None = None, name: str | None = None) -> list[Key]:
        """Return the analyses, those of one subject, or a single one.

        Raises
        ------
        AsimovError
            If there is no such subject or analysis.
        """
        if subject is not None and name is not None:
            return [self.key(subject, name)]
        return keys_of(self.contents, subject, partial(removal_of, self.journal))

    def key(self, subject: str, name: str) -> Key:
        """Return the key of an analysis that a person named.

        Raises
        ------
        AsimovError
            If there is none; the hint lists the analyses of the subject.
        """
        return key_of(self.contents, self.records, subject, name, partial(removal_of, self.journal))

    @cached_property
    def _objects(self) -> Objects:
        # It refers back to the project, so a project without it is freed as soon as it is unused.
        return Objects(self)

    def analysis(self, key: Key) -> Analysis:
        """Return an analysis, always the same object."""
        return self._objects.analysis(key)

    def subject(self, name: str) -> Subject:
        """Return a subject, always the same object."""
        return self._objects.subject(name)

    # --- computed from ledger and journal

    def settings(self, key: Key) -> dict[str, Any]:
        """Return a copy of an analysis's settings, without its pipeline's defaults.

        This loads no plugin; `effective` includes the defaults.
        """
        return self.contents.settings(self.contents.entries[key], self.facts)

    def layers(self, key: Key) -> tuple[list[Layer], dict[str, Any]]:
        """Return the layers of an analysis's settings, the defaults first, and all of them merged.

        Both are kept, so nobody changes them. This loads the pipeline's settings class, or the
        pipeline if the class is not published.
        """
        facts = self.facts.get(Key(key[0], "")), self.facts.get(key)
        return self._layers.of(key, (self.state, *facts), self._made_layers)

    def _made_layers(self, key: Key) -> tuple[list[Layer], dict[str, Any]]:
        layers = self.configured(key, self.facts)
        merged = merge(layer for _, layer in layers)
        derived = fields_of_science.derived(merged)
        if declared := settings_of(self.contents.entries[key].pipeline):
            derived = not_refused(derived, declared)
        if derived:
            layers.append((FOLLOWS, derived))
            lay_over(merged, derived)
        return layers, merged

    def configured(
        self, key: Key, facts: Mapping[Key, Mapping[str, Any]] | None = None
    ) -> list[Layer]:
        """Return these layers without those that follow, and without facts unless given."""
        layers = self.contents.layers(self.contents.entries[key], facts or {})
        if self.site.settings and self.project.scheduler_name == "htcondor":
            layers.insert(0, (f"the site {self.site.title}", self.site.settings))
        pipeline = self.contents.entries[key].pipeline
        declared = settings_of(pipeline)
        return with_defaults(layers, declared, pipeline) if declared else layers

    def effective(self, key: Key) -> dict[str, Any]:
        """Return a copy of an analysis's settings as its pipeline sees them."""
        settings: dict[str, Any] = copied(self.layers(key)[1])
        return settings

    def subject_settings(self, name: str) -> dict[str, Any]:
        """Return a copy of a subject's effective settings."""
        return self.contents.subject_settings(name, self.facts)

    @cached_property
    def dependencies(self) -> Dependencies:
        """Which analyses each analysis depends on."""
        return Dependencies(self.contents, self.facts, self.status)

    @cached_property
    def builds(self) -> dict[Key, Build]:
        """The last build of each analysis."""
        return Builds(self.journal).all()

    # --- writing

    def forget_build(self, key: Key) -> None:
        """Have an analysis built again before it is submitted."""
        Builds(self.journal).forget(key)
        self.builds.pop(key, None)

    def move(
        self, key: Key, after: str, actor: str, reason: str | None, *, role: str | None = None
    ) -> bool:
        """Move an analysis to another state; return False if another process moved it first.

        Parameters
        ----------
        key, after
            The analysis and its new state.
        actor
            ``submit``, ``monitor`` or a person's name.
        reason
            Why.
        role
            The actor in the table of states, where it is another one.

        Raises
        ------
        ValueError
            If the table of states does not allow it: a mistake of the caller.
        """
        role = role or (actor if actor in {"submit", "monitor"} else "person")
        if not allowed(self.status(key), after, role):
            raise ValueError(f"{key}: no way from {self.status(key)} to {after} by {actor}")
        before = self.status(key)
        with self.journal.transaction():
            moved = self.journal.set_status(key, before, after, actor, reason)
            if moved and after == "ready" and before not in {"wait", "manual", "asking"}:
                review = self.settings(key).get("review")
                self._show_review(key, self.facts.withdraw_review(key, review, actor))
        if record := self.journal.record(key):
            self.records[key] = record
        if self.dependencies.asks_status:
            del self.dependencies
        return moved

    def give_reason(self, key: Key, actor: str, reason: str) -> None:
        """Change the reason for the state that an analysis is in."""
        self.journal.set_reason(key, actor, reason)
        self.records[key] = self.records[key]._replace(reason=reason)

    def keep(self, analysis: Analysis) -> None:
        """Keep what a pipeline has written to an analysis and to its subject."""
        self._objects.keep(analysis)

    def keep_subject(self, subject: Subject) -> None:
        """Keep what a pipeline has written to a subject."""
        self._objects.keep_subject(subject)

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
            if "_objects" in vars(self):
                self._objects.show_review(key, review)
            self.__dict__.pop("dependencies", None)

    # --- schedulers

    def scheduler(self, name: str | None = None, place: str = "") -> Scheduler:
        """Return a scheduler, always the same object.

        Parameters
        ----------
        name
            Its name; by default the project's.
        place
            Where its jobs are, as an attempt recorded it.

        Raises
        ------
        AsimovError
            If there is none of that name.
        """
        return self._schedulers.get(name, place)

    @cached_property
    def site(self) -> Site:
        """The computing site that the configuration chooses.

        Raises
        ------
        AsimovError
            If it is not known.
        """
        return catalogue.chosen(self.project.config)


def workspace_of(analysis: Analysis) -> Workspace:
    """Return the open project of an analysis; the analysis itself only needs a part of it."""
    return cast("Workspace", analysis.workspace)
