"""What 'asimov clean' would remove from each run directory, and which it skips and why."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from asimov.engine.cleaning.unowned import Unowned, unowned
from asimov.engine.results.verification import verified
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.layout import CLEANED_FILE, PROVENANCE_FILE
from asimov.project.storage.copying import checksum
from asimov.project.workspace import Workspace
from asimov.states import STATES

#: Files of asimov's own that stay in a run directory.
_OWN = {CLEANED_FILE, PROVENANCE_FILE}


class Covered(msgspec.Struct):
    """A file or link of a run directory that the results store has as well."""

    name: str
    size: int
    stamp: tuple[int, int]


class Freed(msgspec.Struct):
    """A run directory, and what of it can be removed.

    Attributes
    ----------
    subject, analysis
        Its analysis.
    rundir
        Its path.
    covered
        What the manifest covers, with the same content.
    kept, kept_size
        How many files stay, and their size in bytes: no manifest covers them.
    """

    subject: str
    analysis: str
    rundir: str
    covered: list[Covered]
    kept: int = 0
    kept_size: int = 0

    @property
    def key(self) -> Key:
        """The analysis."""
        return Key(self.subject, self.analysis)

    @property
    def size(self) -> int:
        """How much is freed, in bytes."""
        return sum(each.size for each in self.covered)


class Left(msgspec.Struct):
    """An uploaded analysis whose run directory is left alone, and why."""

    subject: str
    analysis: str
    why: str


class Plan(msgspec.Struct):
    """What can be freed, what is left alone, and what no analysis owns.

    Attributes
    ----------
    objects
        Contents in the store that no result has any more, with their sizes in bytes.
    """

    freed: list[Freed] = []
    left: list[Left] = []
    unowned: list[Unowned] = []
    objects: list[tuple[str, int]] = []

    @property
    def size(self) -> int:
        """How much can be freed, in bytes."""
        return sum(each.size for each in self.freed) + sum(size for _, size in self.objects)


def plan(workspace: Workspace, keys: Iterable[Key], *, whole: bool = True) -> Plan:
    """Find what can be freed.

    A run directory can be, in so far as the manifest of its analysis has its files with the same
    content, if the analysis is uploaded, all its stored files are as they were stored, and no
    analysis that uses it is unfinished.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses.
    whole
        Whether to look at the whole project as well, for what no analysis owns.
    """
    made = Plan()
    candidates: list[Key] = []
    reasons = Reasons(workspace)
    for key in keys:
        if workspace.status(key) != "uploaded" or not os.path.isdir(workspace.analysis(key).rundir):
            continue
        if why := next(reasons.against(key), None):
            made.left.append(Left(*key, why))
        else:
            candidates.append(key)
    faulty = {Key(each.subject, each.analysis) for each in verified(workspace, candidates).faults}
    store = workspace.store
    for key in candidates:
        if key in faulty:
            why = f"its stored results are damaged or incomplete: see 'asimov store verify {key}'"
            made.left.append(Left(*key, why))
            continue
        freed = _compared(key, workspace.analysis(key).rundir, store.manifest(*key))
        if freed.covered:
            made.freed.append(freed)
    if whole:
        made.unowned = list(unowned(workspace))
        made.objects = [(str(path), size) for path, size in store.spare_objects()]
    return made


class Reasons:
    """Why the run directory of an uploaded analysis is to be left alone.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open = {attempt.key for attempt in workspace.journal.open_attempts()}
        self._users: dict[Key, Key] = {}
        self._rundirs: dict[str, list[Key]] = {}
        for key in workspace.contents.entries:
            self._rundirs.setdefault(workspace.analysis(key).rundir, []).append(key)
            status = workspace.status(key)
            if not STATES[status].done and status != "cancelled":
                self._users.update(dict.fromkeys(workspace.dependencies.inputs(key), key))

    def against(self, key: Key) -> Iterator[str]:
        """Yield each reason; none if it can be freed."""
        analysis = self._workspace.analysis(key)
        if key in self._open:
            yield "it has a job that may still be running"
        if user := self._users.get(key):
            yield f"{user} uses it and is {self._workspace.status(user)}"
        if not self._workspace.project.is_working(Path(analysis.rundir)):
            yield "its run directory is not in the project's working folder"
        if others := [each for each in self._rundirs[analysis.rundir] if each != key]:
            yield f"its run directory is also that of {others[0]}"
        if analysis.meta.get("refreshable") is True:
            yield "its next run may continue in its run directory ('refreshable')"
        stored = analysis.stored_products
        if not stored:
            yield "none of it is stored"
        elif stored.assets() is None:
            yield "the store does not record which file is which product"


def _compared(key: Key, rundir: str, manifest: dict[str, Any]) -> Freed:
    """Compare the files of a run directory with a manifest."""
    freed = Freed(*key, rundir, [])
    same: list[tuple[Covered, os.stat_result, str]] = []
    for name, status in _files_in(rundir):
        entry = manifest.get(name, {})
        covered = Covered(name, status.st_size, (status.st_mtime_ns, status.st_ctime_ns))
        if entry.get("size") == status.st_size and stat.S_ISREG(status.st_mode):
            same.append((covered, status, entry.get("sha256", "")))
        elif "link" in entry and stat.S_ISLNK(status.st_mode):
            freed.covered.append(covered)  # what it leads to is stored, too
        elif name not in _OWN:
            freed.kept += 1
            freed.kept_size += status.st_size

    def is_stored(each: tuple[Covered, os.stat_result, str]) -> bool:
        covered, status, sha256 = each
        with suppress(AsimovError):
            return checksum(os.path.join(rundir, covered.name), status) == sha256
        return False

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (covered, status, _), stored in zip(same, pool.map(is_stored, same), strict=True):
            if covered.name in _OWN:
                continue
            if stored:
                freed.covered.append(covered)
            else:
                freed.kept += 1
                freed.kept_size += status.st_size
    return freed


def _files_in(rundir: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything in a folder that is no folder, with its status."""
    for folder, folders, files in os.walk(rundir):
        links = [each for each in folders if os.path.islink(os.path.join(folder, each))]
        for each in [*files, *links]:
            path = os.path.join(folder, each)
            with suppress(OSError):
                yield os.path.relpath(path, rundir), os.lstat(path)
