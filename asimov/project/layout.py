"""The layout of a project: find one, create one, and locate its folders and files."""

from __future__ import annotations

import os
import re
import uuid
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from asimov import configuration
from asimov.errors import AsimovError
from asimov.system.files import unwritable, write_atomically

#: The record of what an attempt ran with, in run directories and in the results store.
PROVENANCE_FILE = "asimov-provenance.json"
#: In a run directory, it says that 'asimov clean' has removed what the results store has.
CLEANED_FILE = "asimov-cleaned.json"
#: Files that only commands leave which had the journal open.
_TRACES = ("journal.db-wal", "journal.db-journal", "work.lock", "ledger.lock", "local/queue.db")


@dataclass(frozen=True)
class Project:
    """An existing project.

    Attributes
    ----------
    root
        Its folder, absolute.
    config
        Its configuration.
    """

    root: Path
    config: ConfigParser

    @property
    def name(self) -> str:
        """The name that ``asimov init`` was given."""
        return self.config.get("project", "name", fallback=self.root.name)

    @property
    def id(self) -> str:
        """The identity that marks this project's jobs in a scheduler."""
        return self.config.get("project", "id", fallback=self.name)

    @property
    def shared(self) -> bool:
        """Whether several users work in it; see `asimov.project.sharing`."""
        return self.config.get("project", "shared", fallback="").lower() in {"true", "yes", "1"}

    @property
    def ledger(self) -> Path:
        """The folder of the ledger's files."""
        return self.root / self.config.get("ledger", "location")

    @property
    def state(self) -> Path:
        """The folder ``.asimov``, which holds the program's own files."""
        return self.root / ".asimov"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.state / "journal.db"

    @property
    def lost_journal(self) -> bool:
        """Whether the project's journal is missing although it once had one.

        ``asimov init`` sets ``[project] journal`` once it has created the journal. In projects
        older than this option, files that commands left beside the journal show it.
        """
        try:
            if self.journal.stat().st_size:
                return False
        except OSError:
            pass  # there is none, or its folder can't be read
        if self.config.has_option("project", "journal"):
            return True
        return any((self.state / trace).exists() for trace in _TRACES)

    @cached_property
    def working(self) -> Path:
        """The folder of run directories."""
        return self.root / self.config.get("general", "rundir_default")

    @cached_property
    def checkouts(self) -> Path:
        """The git repository of configurations."""
        return self.root / self.config.get("general", "git_default")

    @cached_property
    def results(self) -> Path:
        """The results store."""
        return self.root / self.config.get("storage", "directory")

    @cached_property
    def logs(self) -> Path:
        """The folder of asimov's own logs."""
        return self.root / self.config.get("logging", "location")

    @cached_property
    def category(self) -> str:
        """The folder of configurations inside a subject's part of the repository."""
        return self.config.get("ledger", "category")

    @property
    def scheduler_name(self) -> str:
        """The name of its scheduler."""
        return self.config.get("scheduler", "type", fallback="local").lower()

    def is_working(self, path: Path) -> bool:
        """Return whether a path is in the folder of run directories."""
        plain = Path(os.path.normpath(path))  # links stay, '..' does not
        return self.working.resolve() in path.resolve().parents or self.working in plain.parents

    def stored(self, path: str | Path) -> str:
        """Return the form of a path that is stored: relative to the project if it is inside."""
        absolute = self.root / path
        if absolute.is_relative_to(self.root):
            return str(absolute.relative_to(self.root))
        return str(absolute)

    def path(self, stored: str | Path) -> Path:
        """Return the absolute path of a stored path."""
        return self.root / stored


def find(start: Path | None = None, *, without_journal: bool = False) -> Project:
    """Open the project that contains a folder.

    Parameters
    ----------
    start
        The folder, by default the current one; the nearest project at or above it is opened.
    without_journal
        Whether to open a project that has lost its journal.

    Raises
    ------
    AsimovError
        If there is none, or if its journal is lost: with a new journal, every analysis would be
        submitted again.
    """
    try:
        here = (start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise AsimovError(
            "the current folder no longer exists", hint="change to another folder"
        ) from None
    for folder in (here, *here.parents):
        if os.path.isfile(folder / configuration.PROJECT_FILE):  # noqa: PTH113  (never raises)
            project = Project(folder, configuration.read(folder))
            _refuse_cut(project)
            if not project.ledger.is_dir():
                raise AsimovError(
                    "the project's ledger folder is missing",
                    where=project.ledger,
                    hint="restore it from a backup, or create a project in another folder with "
                    "'asimov init NAME --root DIR'",
                )
            if project.lost_journal and not without_journal:
                raise AsimovError(
                    "the project's journal is missing",
                    where=project.journal,
                    hint="'asimov ledger repair' rebuilds what it can; if this is a copy of "
                    "another project, delete .asimov and run 'asimov init NAME'",
                )
            return project
    for folder in (here, *here.parents):
        state = folder / configuration.PROJECT_FILE
        if os.path.isdir(state.parent) and not os.access(state.parent, os.R_OK | os.X_OK):  # noqa: PTH112
            raise AsimovError("can't be read: Permission denied", where=state.parent)
        if os.path.isfile(folder / "ledger" / "project.yaml"):  # noqa: PTH113  (never raises)
            raise AsimovError(
                "there is a ledger here, but no project file",
                where=folder,
                hint=f"restore {configuration.PROJECT_FILE} from a backup, or make a new project "
                "of this folder with 'asimov init NAME', which keeps the ledger",
            )
    raise AsimovError(
        f"{here} is not in an asimov project",
        hint="change to a project, name one with 'asimov --project DIR', or create one with "
        "'asimov init NAME'",
    )


def _refuse_cut(project: Project) -> None:
    """Refuse a project file that has lost content, as a full disk or an editor may leave it.

    With default values, jobs might go to another scheduler, under another identity.
    """
    for option in ("name", "id"):
        if project.config.get("project", option, fallback=""):
            continue
        raise AsimovError(
            f"has lost content: [project] {option} is missing",
            where=project.root / configuration.PROJECT_FILE,
            hint="restore it from a backup, or delete it and make a new project of this folder "
            "with 'asimov init NAME', which keeps the ledger",
        )


def new_id(name: str) -> str:
    """Return a new, unique identity for a project."""
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "project"
    return f"{slug}-{uuid.uuid4().hex[:8]}"


def make_folders(root: Path, options: dict[tuple[str, str], str]) -> Path:
    """Make the folders of a new project; return that of its ledger.

    Parameters
    ----------
    root, options
        As of `create`.

    Raises
    ------
    AsimovError
        If one can't be made, or may not be where it is wanted; then none is left that is empty.
    """
    new = Project(root.resolve(), configuration.read())
    for (section, option), value in options.items():
        new.config.read_dict({section: {option: value}})
    _refuse_overlap(new)
    made: list[Path] = []
    ledger = new.ledger
    for folder in (ledger / "subjects", ledger / "analyses", new.working, new.results, new.logs):
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            for each in [*missing, *made]:
                with suppress(OSError):
                    each.rmdir()
            what = "can't be written" if folder.is_relative_to(ledger) else "can't be created"
            raise unwritable(error, folder, what) from error
        made[:0] = missing
    return ledger


def _refuse_overlap(new: Project) -> None:
    """Refuse a folder for run directories or results that is not theirs alone."""
    own = {
        "the ledger": new.ledger,
        "asimov's own files": (new.root / configuration.PROJECT_FILE).parent,
        "run directories": new.working,
        "stored results": new.results,
    }
    theirs = {what: own[what].resolve() for what in ("stored results", "run directories")}
    for what, folder in theirs.items():
        if new.root.is_relative_to(folder):
            raise AsimovError(
                f"the folder for {what} can't be the project's folder, or contain it",
                where=folder,
                hint="choose a separate folder",
            )
    for what, folder in theirs.items():
        for other, path in own.items():
            if other != what and folder.is_relative_to(path.resolve()):
                raise AsimovError(
                    f"the folder for {what} can't be inside the folder for {other}",
                    where=folder,
                    hint="choose a separate folder",
                )


def create(name: str, root: Path, scheduler: str, options: dict[tuple[str, str], str]) -> Project:
    """Create a project in a folder.

    Parameters
    ----------
    name
        Its name, for people.
    root
        The folder; created if it is missing. Files in it are left alone.
    scheduler
        The name of the scheduler's entry point.
    options
        Further configuration, by section and option.

    Raises
    ------
    AsimovError
        If the folder already contains a project or can't be written to.
    """
    root = root.resolve()
    if not name.strip() or not name.isprintable():
        wrong = "contains unprintable characters" if name.strip() else "is empty"
        raise AsimovError(f"the project's name {wrong}", hint="choose a name: asimov init NAME")
    if (root / configuration.PROJECT_FILE).exists():
        raise AsimovError(
            "this folder already contains a project",
            where=root,
            hint="choose another folder with --root DIR",
        )
    values = {
        ("project", "name"): name,
        ("project", "id"): new_id(name),
        ("scheduler", "type"): scheduler,
        **options,
    }
    ledger = make_folders(root, options)
    if not (ledger / "project.yaml").exists():
        write_atomically(ledger / "project.yaml", "# Settings of every analysis in this project.\n")
    # Last, since this file makes the folder a project.
    configuration.update_file(root / configuration.PROJECT_FILE, values)
    return find(root)
