"""What an analysis has to store: every file, folder and link, decided before anything is copied."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from asimov import text
from asimov.errors import AsimovError
from asimov.system.reading import SPECIAL


class NotStorableError(AsimovError):
    """A product can't go into the store; nothing of its analysis is stored then."""

    def __init__(self, what: str, path: str) -> None:
        super().__init__(
            what,
            where=text.line(path),
            hint="remove or replace it, or leave it out of the products, and set the analysis "
            "to 'finished'",
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One file, folder or link of the store.

    Attributes
    ----------
    name
        Where it goes, relative to the analysis's folder in the store.
    source
        What it is made from.
    status
        The source as it was when it was surveyed.
    link
        Where a link of the store leads, as its text; None for files and folders.
    """

    name: str
    source: str
    status: os.stat_result
    link: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.link is None and stat.S_ISDIR(self.status.st_mode)


@dataclass
class Survey:
    """All that the products of an analysis come to.

    Attributes
    ----------
    items
        By name; a folder comes before what is in it.
    missing
        The products that do not exist.
    """

    items: dict[str, Item] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def survey(products: Iterable[str | Path], rundir: str | Path, store: Path) -> Survey:
    """Find out what has to be stored, without opening a file.

    A product in the run directory keeps its relative path; another one goes by its own name, with
    as many of its folders in front as it takes to tell it from the rest. Folders are taken with
    all that is in them. A link to something that is stored as well stays a link, and becomes
    relative; a link to anything else in the run directory is stored as what it leads to.

    Parameters
    ----------
    products
        The products; a relative path is looked up in the current folder, then in the run directory.
    rundir
        The run directory.
    store
        The store's folder, which can't be stored itself.

    Raises
    ------
    NotStorableError
        Where anything is neither a file nor a folder, can't be read, or is a link that leads
        nowhere, in a circle or out of the run directory; or where two products want one name.
    """
    found = Survey()
    surveyor = _Surveyor(Path(rundir), store, found.items)
    outside: dict[str, str] = {}
    for product in dict.fromkeys(map(str, products)):
        path = _located(product, rundir)
        if path is None:
            found.missing.append(product)
        elif (name := surveyor.name_inside(path)) is not None:
            surveyor.walk(path, name)
        else:
            outside[path] = ""
    for path, name in _named_apart(outside, surveyor.names()).items():
        surveyor.add_root(path)
        surveyor.walk(path, name)
    surveyor.follow_links()
    _check_parents(found.items)
    found.items = dict(sorted(found.items.items(), key=lambda each: each[0].split("/")))
    return found


class _Surveyor:
    """Walks products; all its paths have no link in front of their last part."""

    def __init__(self, rundir: Path, store: Path, items: dict[str, Item]) -> None:
        self._rundir = os.path.realpath(rundir)
        self._store = os.path.realpath(store)
        self._roots = [self._rundir]
        self._items = items
        #: What was met by its name in the store, and the first name of each of these by its path.
        self._claimed: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._links: deque[tuple[str, str]] = deque()

    def name_inside(self, path: str) -> str | None:
        """Return the name of a product in the run directory; None for one that is elsewhere."""
        if path == self._rundir:
            return ""
        return os.path.relpath(path, self._rundir) if _is_in(path, self._rundir) else None

    def names(self) -> set[str]:
        """Return the names that were given, and those of the folders that they lie in."""
        return {
            "/".join(parts[:count])
            for parts in (name.split("/") for name in self._claimed)
            for count in range(1, len(parts) + 1)
        }

    def add_root(self, path: str) -> None:
        """Have links into a product that lies elsewhere count as links within the products."""
        self._roots.append(path)

    def walk(self, path: str, name: str) -> None:
        """Take a file or a folder with all that is in it; its links are for later."""
        left = [(path, name)]
        while left:
            path, name = left.pop()
            if not self._take(path, name):
                continue
            with _reading(path), os.scandir(path) as entries:
                left += [(each.path, f"{name}/{each.name}".lstrip("/")) for each in entries]

    def _take(self, path: str, name: str) -> bool:
        """Take one file, folder or link; say whether it is a folder that is new."""
        with _reading(path):
            status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        if kind in SPECIAL:
            raise NotStorableError(f"is {SPECIAL[kind]}, which can't be stored", path)
        known = self._claimed.get(name)
        if known == path:
            return False
        if known is not None:
            raise NotStorableError(
                f"two products would be stored as {text.quoted(name)}: this and {text.line(known)}",
                path,
            )
        self._claimed[name] = path
        self._names.setdefault(path, name)
        if stat.S_ISLNK(status.st_mode):
            self._links.append((path, name))
            return False
        folder = stat.S_ISDIR(status.st_mode)
        if not os.access(path, os.R_OK | (os.X_OK if folder else 0)):
            raise NotStorableError("can't be read: Permission denied", path)
        if folder and _is_in(self._store, path):
            raise NotStorableError("holds the results store, and can't be stored in it", path)
        if name:
            self._items[name] = Item(name, path, status)
        return folder

    def follow_links(self) -> None:
        """Decide for each link whether it stays one; what it leads to may hold more of them."""
        while self._links:
            self._follow(*self._links.popleft())

    def _follow(self, path: str, name: str) -> None:
        leads_to = os.readlink(path)
        try:
            final = os.path.realpath(path, strict=True)
        except OSError as error:
            what = "leads nowhere" if isinstance(error, FileNotFoundError) else "can't be followed"
            raise NotStorableError(
                f"is a link to {text.line(leads_to)} that {what} ({error.strerror})", path
            ) from error
        for target in (_real(os.path.join(os.path.dirname(path), leads_to)), final):
            known = self._names.get(target)
            if known is not None:
                inside = os.path.relpath(known or ".", os.path.dirname(name) or ".")
                link = leads_to if os.path.normpath(leads_to) == inside else inside
                self._items[name] = Item(name, path, os.lstat(path), link)
                return
        if not self._is_inside(final):
            raise NotStorableError(
                f"is a link to {text.line(leads_to)}, which leaves the run directory", path
            )
        if _is_in(path, final):
            raise NotStorableError(
                f"is a link to {text.line(leads_to)}, a folder that holds the link itself", path
            )
        del self._claimed[name]
        if self._names[path] == name:
            del self._names[path]
        self.walk(final, name)

    def _is_inside(self, path: str) -> bool:
        return any(_is_in(path, root) for root in self._roots)


def _located(product: str, rundir: str | Path) -> str | None:
    """Return the path of a product, its folder without links; None where it does not exist."""
    for base in ("", rundir):
        path = os.path.abspath(os.path.join(base, product))
        if not os.path.lexists(path):
            continue
        if os.path.realpath(path) == os.path.realpath(rundir):
            return os.path.realpath(path)
        real = _real(path)
        if _is_in(path, os.path.abspath(rundir)) and not _is_in(real, os.path.realpath(rundir)):
            raise NotStorableError("lies behind a link that leaves the run directory", path)
        return real
    return None


def _real(path: str) -> str:
    """Return a path with the links in front of its last part resolved."""
    head, tail = os.path.split(path)
    if tail in {"", ".", ".."}:
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(head), tail)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _named_apart(paths: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Give products that lie elsewhere their names: the last parts of their paths that differ."""
    names = dict.fromkeys(paths, "")
    used = taken
    count = 1
    while open_ := [path for path, name in names.items() if not name]:
        short = {path: "/".join(path.strip("/").split("/")[-count:]) for path in open_}
        for path, name in short.items():
            alone = list(short.values()).count(name) == 1 and name not in used
            if alone or count > path.count("/"):
                names[path] = name
        used.update(filter(None, names.values()))
        count += 1
    return names


def _check_parents(items: dict[str, Item]) -> None:
    """Refuse a product that would be stored inside another one that is no folder."""
    for name, item in items.items():
        parts = name.split("/")
        for count in range(1, len(parts)):
            parent = items.get("/".join(parts[:count]))
            if parent is not None and not parent.is_folder:
                raise NotStorableError(
                    f"would be stored inside {text.line(parent.source)}, which is no folder",
                    item.source,
                )


@contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotStorableError(f"can't be read: {error.strerror}", path) from error
