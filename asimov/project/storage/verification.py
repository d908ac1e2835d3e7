"""Check stored files against their manifests: what is missing, changed, or in no manifest."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from asimov.errors import AsimovError
from asimov.project.storage.copying import checksum
from asimov.project.storage.names import MANIFEST, is_reserved, names_in
from asimov.project.storage.superseded import is_superseded
from asimov.system import progress

#: Size, time of modification in nanoseconds, and inode; and those of a file that is not there.
Stamp = tuple[int, int, int]
GONE: Stamp = (-1, 0, 0)
#: How much later than the manifest says a file may have been written, in seconds.
_SLACK = 2.0


class Fault(NamedTuple):
    """A stored file that is not as its manifest says.

    Attributes
    ----------
    subject, analysis
        The analysis that owns it.
    name
        Its path in the analysis's folder of the store.
    kind
        ``missing``, ``changed``, ``unknown`` (no manifest lists it) or ``unreadable``.
    detail
        What differs, in words.
    """

    subject: str
    analysis: str
    name: str
    kind: str
    detail: str


class Verified(msgspec.Struct):
    """What was checked, and what was found.

    Attributes
    ----------
    files
        How many files there are in the manifests.
    size
        Their size, in bytes.
    hashed
        How many different files were read.
    faults
        Everything that is not as it was stored.
    """

    files: int = 0
    size: int = 0
    hashed: int = 0
    faults: list[Fault] = msgspec.field(default_factory=list)


class _ToHash(NamedTuple):
    """A file whose content is to be compared."""

    fault: Fault
    path: Path
    sha256: str


Manifest = Callable[[str, str], Mapping[str, Any]]


def verify(
    root: Path,
    manifest: Manifest,
    analyses: Iterable[tuple[str, str]],
    *,
    quick: bool = False,
) -> Verified:
    """Check every file of some analyses, and of the results that later runs superseded.

    Parameters
    ----------
    root
        The store's folder.
    manifest
        Returns the manifest of an analysis.
    analyses
        Subject and name of each.
    quick
        Whether to trust a file that has the right size and was not written after it was stored.
    """
    found = Verified()
    wanted: dict[tuple[int, int], list[_ToHash]] = {}
    for subject, analysis in analyses:
        for name in (analysis, *_superseded(root / subject / analysis)):
            try:
                entries = manifest(subject, name)
            except AsimovError as error:
                place = str(Path(name, MANIFEST).relative_to(analysis))
                found.faults.append(Fault(subject, analysis, place, "unreadable", error.message))
                continue
            if entries:
                owner = _Owner(root, subject, analysis, name)
                _check(owner, entries, found, wanted, quick=quick)
    _hash(wanted, found)
    found.faults.sort()
    return found


def faults_of(
    root: Path,
    analysis: tuple[str, str],
    entries: Mapping[str, Any],
    products: Collection[str],
    sha256_of: Callable[[str], str | None],
    *,
    quick: bool = False,
) -> Iterator[Fault]:
    """Yield what of some products of one analysis is not as it was stored.

    Parameters
    ----------
    root
        The store's folder.
    analysis
        Subject and name.
    entries
        Its manifest.
    products
        Names of files and folders in it; a folder stands for all that is in it.
    sha256_of
        Returns the SHA-256 of a file by its path; None if it can't be read.
    quick
        Whether to trust a file that has the right size and was not written after it was stored,
        and to look for nothing that the manifest does not list.
    """

    def is_asked(name: str) -> bool:
        return name in products or any(str(each) in products for each in Path(name).parents)

    owner, found = _Owner(root, *analysis, analysis[1]), Verified()
    to_hash: dict[tuple[int, int], list[_ToHash]] = {}
    asked = {name: entry for name, entry in entries.items() if is_asked(name)}
    _check_listed(owner, asked, found, to_hash, quick=quick)
    yield from found.faults
    for each in (one for same in to_hash.values() for one in same):
        if sha256_of(str(each.path)) != each.sha256:
            yield each.fault
    if not quick and any(entry.get("directory") for entry in asked.values()):
        for name in filter(is_asked, _unlisted(owner.folder, entries)):
            yield _unknown(owner, name)


def stamp(path: str | Path) -> Stamp:
    """Return what changes when a file or link is written or replaced; `GONE` if there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return GONE
    return status.st_size, status.st_mtime_ns, status.st_ino


def is_older(status: os.stat_result, entry: Mapping[str, Any]) -> bool:
    """Return whether a file was last written before it was stored."""
    try:
        stored = datetime.fromisoformat(entry["stored"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return False
    return status.st_mtime <= stored + _SLACK


class _Owner(msgspec.Struct, frozen=True):
    """An analysis, with the folder of its results or of superseded ones."""

    root: Path
    subject: str
    analysis: str
    name: str

    @property
    def folder(self) -> Path:
        return self.root / self.subject / self.name

    def fault(self, name: str, kind: str, detail: str) -> Fault:
        inside = Path(self.name, name).relative_to(self.analysis)
        return Fault(self.subject, self.analysis, str(inside), kind, detail)


def _check(
    owner: _Owner,
    entries: Mapping[str, Any],
    found: Verified,
    wanted: dict[tuple[int, int], list[_ToHash]],
    *,
    quick: bool,
) -> None:
    """Check all that needs no reading; put the rest on the list of what is to be read."""
    _check_listed(owner, entries, found, wanted, quick=quick)
    found.faults += [_unknown(owner, name) for name in _unlisted(owner.folder, entries)]


def _unknown(owner: _Owner, name: str) -> Fault:
    return owner.fault(name, "unknown", "its manifest does not list it")


def _check_listed(
    owner: _Owner,
    entries: Mapping[str, Any],
    found: Verified,
    wanted: dict[tuple[int, int], list[_ToHash]],
    *,
    quick: bool,
) -> None:
    for name, entry in entries.items():
        path = owner.folder / name
        if "sha256" in entry:
            found.files += 1
            found.size += entry.get("size", 0)
        try:
            status = path.lstat()
        except OSError:
            found.faults.append(owner.fault(name, "missing", "it does not exist"))
            continue
        if wrong := _difference(path, status, entry):
            found.faults.append(owner.fault(name, "changed", wrong))
        elif "sha256" in entry and not (quick and "size" in entry and is_older(status, entry)):
            fault = owner.fault(name, "changed", "its checksum differs")
            same = status.st_dev, status.st_ino
            wanted.setdefault(same, []).append(_ToHash(fault, path, entry["sha256"]))


def _difference(path: Path, status: os.stat_result, entry: Mapping[str, Any]) -> str:
    """Return how a path's kind, link or size differ from its entry; nothing if they don't."""
    if "link" in entry:
        if not stat.S_ISLNK(status.st_mode):
            return "it was a link"
        return "" if str(path.readlink()) == entry["link"] else "it leads elsewhere"
    if entry.get("directory"):
        return "" if stat.S_ISDIR(status.st_mode) else "it was a folder"
    if not stat.S_ISREG(status.st_mode):
        return "it was a file"
    size = entry.get("size", status.st_size)
    return "" if status.st_size == size else f"it has {status.st_size} bytes, not {size}"


def _hash(wanted: Mapping[tuple[int, int], list[_ToHash]], found: Verified) -> None:
    """Read each file once, however many names it has, and several at the same time."""

    def faults(named: list[_ToHash]) -> Iterator[Fault]:
        try:
            sha256 = checksum(named[0].path)
        except AsimovError as error:
            yield from (
                each.fault._replace(kind="unreadable", detail=error.message) for each in named
            )
            return
        yield from (each.fault for each in named if each.sha256 != sha256)

    from concurrent.futures import ThreadPoolExecutor

    # The module hashlib frees the interpreter while it computes.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checked = pool.map(lambda named: [*faults(named)], wanted.values())
        for _ in progress.over(wanted, "verifying"):
            found.faults += next(checked)
    found.hashed = len(wanted)


def _unlisted(folder: Path, entries: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is in a folder and neither in its manifest nor around something that is."""
    around = {
        "/".join(parts[:count])
        for parts in (name.split("/") for name in entries)
        for count in range(1, len(parts))
    }
    left = [name for name in names_in(folder) if not is_reserved(name)]
    while left:
        name = left.pop()
        path = folder / name
        if name in around or name in entries:
            if path.is_dir() and not path.is_symlink():
                left += [f"{name}/{each}" for each in names_in(path)]
        else:
            yield name


def _superseded(folder: Path) -> list[str]:
    names = sorted(each for each in names_in(folder) if is_superseded(each))
    return [f"{folder.name}/{each}" for each in names]
