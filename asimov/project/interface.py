"""The interface of an open project for the analyses and subjects that pipelines see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.records import Record
from asimov.ledger.contents import Contents, Layer
from asimov.ledger.dependencies import Dependencies
from asimov.project.git.repository import EventRepo
from asimov.project.layout import Project
from asimov.project.storage.store import Store
from asimov.scheduler import Scheduler


class Studied(Protocol):
    """A subject as its analyses know it; `asimov.project.subject.Subject` is one."""

    name: str
    meta: dict[str, Any]

    @property
    def repository(self) -> EventRepo:
        """The git repository that holds the configurations of its analyses."""


class OpenProject(Protocol):
    """An open project; `asimov.project.workspace.Workspace` is one."""

    @property
    def project(self) -> Project:
        """The project's folders and configuration."""

    @property
    def store(self) -> Store:
        """The project's results."""

    @property
    def contents(self) -> Contents:
        """The ledger."""

    @property
    def journal(self) -> Journal:
        """The journal."""

    @property
    def records(self) -> Mapping[Key, Record]:
        """The journal's record of each analysis."""

    @property
    def dependencies(self) -> Dependencies:
        """Which analyses each analysis depends on."""

    @property
    def reading(self) -> bool:
        """Whether the project is only read."""

    @property
    def ledger(self) -> Any:
        """The ledger as packages see it, which keeps what they write; None if there is none."""

    @property
    def facts(self) -> Mapping[Key, dict[str, Any]]:
        """What pipelines and people wrote about each analysis."""

    def status(self, key: Key) -> str:
        """Return the state of an analysis."""

    def settings(self, key: Key) -> dict[str, Any]:
        """Return the settings of an analysis without its pipeline's defaults."""

    def effective(self, key: Key) -> dict[str, Any]:
        """Return the settings of an analysis with its pipeline's defaults."""

    def subject_settings(self, name: str) -> dict[str, Any]:
        """Return the settings of a subject."""

    def layers(self, key: Key) -> tuple[list[Layer], dict[str, Any]]:
        """Return the layers of an analysis's settings, the least specific first, and all merged."""

    def scheduler(self) -> Scheduler:
        """Return the project's scheduler."""

    def subject(self, name: str) -> Studied:
        """Return a subject, always the same object."""
