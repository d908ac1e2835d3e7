"""The contents of a project to import, in asimov's own terms, and the interface of importers.

A package publishes an `Importer` under the entry-point group ``asimov.importers``. It only reads
and translates; `asimov.engine.importing.move` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace


@dataclass
class Arrival:
    """An analysis that arrives, as far as the ledger does not hold it.

    Attributes
    ----------
    status, reason
        The state that it gets here, and why.
    facts
        What the program, its pipelines and reviewers wrote: no choices of a person.
    job
        The number of its job in HTCondor's queue, if it had one.
    rundir
        Its run directory, absolute; None if nothing is in it.
    settings
        The effective settings there; None if they are the same here by construction.
    """

    status: str
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)
    job: int | None = None
    rundir: Path | None = None
    settings: dict[str, Any] | None = None


@dataclass(frozen=True)
class Product:
    """A file of the other program's results store.

    Attributes
    ----------
    key, name
        Its analysis, and its name there.
    path
        Where it is, absolute.
    store
        The folder of that store.
    md5
        The checksum in hexadecimal digits by which that store knows it.
    """

    key: Key
    name: str
    path: Path
    store: Path
    md5: str | None = None


@dataclass(frozen=True)
class Remark:
    """One line of the report.

    Attributes
    ----------
    kind
        ``renamed``, ``derived``, ``frozen``, ``not understood`` or ``check``.
    what
        What it is about: a key of the ledger, an option, an analysis.
    detail
        What became of it.
    """

    kind: str
    what: str
    detail: str


@dataclass
class Incoming:
    """A whole project that arrives.

    Attributes
    ----------
    source
        The folder or file that was read.
    program
        What wrote it, for people: ``asimov 0.8.0``.
    project, subjects, project_analyses
        The documents of the ledger; those of subjects and project analyses by name.
    arrivals
        Every analysis.
    options
        Options of the configuration, by section and option.
    repositories
        The git repository of each subject that has one on this machine, absolute.
    products
        The files of the results store.
    remarks
        What is worth a line in the report.
    """

    source: Path
    program: str
    project: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, dict[str, Any]] = field(default_factory=dict)
    project_analyses: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrivals: dict[Key, Arrival] = field(default_factory=dict)
    options: dict[tuple[str, str], str] = field(default_factory=dict)
    repositories: dict[str, Path] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, kind: str, what: object, detail: str) -> None:
        """Add a line to the report."""
        self.remarks.append(Remark(kind, str(what), detail))


class Importer(Protocol):
    """Reads the projects of one program, and writes a ledger in that program's layout."""

    def knows(self, path: Path) -> bool:
        """Return whether a folder or file looks like a project of that program."""

    def read(self, path: Path) -> Incoming:
        """Read a project; nothing at or below the path is written.

        Raises
        ------
        AsimovError
            If it can't be read.
        """

    def export(self, workspace: Workspace) -> Mapping[str, Any]:
        """Return a project of asimov's as one document in that program's layout."""
