"""List every file, folder and link in an analysis's products before anything is copied."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec
from msgspec import structs

from asimov import text
from asimov.errors import AsimovError
from asimov.system.reading import SPECIAL


class NotStorableError(AsimovError):
    """A product can't be stored; then nothing of its analysis is stored."""

    def __init__(self, what: str, path: str) -> None:
        super().__init__(
            what,
            where=text.line(path),
            hint="remove or replace it, or leave it out of the products, and set the analysis "
            "to 'finished'",
        )


class Item(msgspec.Struct, frozen=True):
    """One file, folder or link of the store.

    Attributes
    ----------
    name
        Its path in the store, relative to the analysis's folder there.
    source
        The path that it is copied from.
    status
        The source's status when it was listed.
    link
        The text of a link in the store; None for files and folders.
    origin
        Of a product outside the run directory, its path relative to that.
    sha256
        Of a file that is in the store already, where it was just checked.
    unique
        Whether no other file has the same content, so that it need not be shared.
    """

    name: str
    source: str
    status: os.stat_result
    link: str | None = None
    origin: str | None = None
    sha256: str | None = None
    unique: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.link is None and stat.S_ISDIR(self.status.st_mode)


class Survey(msgspec.Struct):
    """The contents of all products of an analysis.

    Attributes
    ----------
    items
        By name; a folder comes before its contents.
    missing
        The products that do not exist.
    """

    items: dict[str, Item] = msgspec.field(default_factory=dict)
    missing: list[str] = msgspec.field(default_factory=list)


def survey(products: Iterable[str | Path], rundir: str | Path, store: Path) -> Survey:
    """List what has to be stored, without opening a file.

    A product in the run directory keeps its relative path. Any other product is stored under its
    name, with as many of its parent folders in front as needed to make it unique. Folders are
    stored with everything in them. A link to something that is also stored stays a link, and
    becomes relative; a link to anything else in the run directory is replaced by its target.

    Parameters
    ----------
    products
        The products; a relative path is looked up in the current folder, then in the run directory.
    rundir
        The run directory.
    store
        The store's folder, which must not be part of a product.

    Raises
    ------
    NotStorableError
        If anything is neither a file nor a folder, can't be read, or is a link that is broken,
        circular, or leaves the run directory; or if two products would have the same name.
    """
    found = Survey()
    # Most products are in the same few folders, and each answer takes a look at every part.
    real = cache(os.path.realpath)
    surveyor = _Surveyor(real(str(rundir)), str(store), found.items)
    outside: dict[str, str] = {}
    for product in dict.fromkeys(map(str, products)):
        path = _located(product, str(rundir), real)
        if path is None:
            found.missing.append(product)
        elif (name := surveyor.name_inside(path)) is not None:
            surveyor.walk(path, name)
        else:
            outside[path] = ""
    for path, name in _named_apart(outside, surveyor.names()).items():
        surveyor.add_root(path)
        surveyor.walk(path, name)
        if name in found.items:
            origin = os.path.relpath(path, real(str(rundir)))
            found.items[name] = structs.replace(found.items[name], origin=origin)
    surveyor.follow_links()
    _check_parents(found.items)
    found.items = dict(sorted(found.items.items(), key=lambda each: each[0].split("/")))
    return found


class _Surveyor:
    """Walks through products; in its paths only the last part may be a link."""

    def __init__(self, rundir: str, store: str, items: dict[str, Item]) -> None:
        self._rundir = rundir
        self._store = store
        self._roots = [self._rundir]
        self._items = items
        #: The path of each name in the store, and the first name of each path.
        self._claimed: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._links: deque[tuple[str, str]] = deque()

    def name_inside(self, path: str) -> str | None:
        """Return the name of a product in the run directory; None if it is elsewhere."""
        if path == self._rundir:
            return ""
        return os.path.relpath(path, self._rundir) if _is_in(path, self._rundir) else None

    def names(self) -> set[str]:
        """Return the names in use, and those of the folders that contain them."""
        return {
            "/".join(parts[:count])
            for parts in (name.split("/") for name in self._claimed)
            for count in range(1, len(parts) + 1)
        }

    def add_root(self, path: str) -> None:
        """Accept links into a product outside the run directory."""
        self._roots.append(path)

    def walk(self, path: str, name: str) -> None:
        """Add a file, or a folder with everything in it; links are decided later."""
        left = [(path, name)]
        while left:
            path, name = left.pop()
            if not self._take(path, name):
                continue
            with _reading(path), os.scandir(path) as entries:
                left += [(each.path, f"{name}/{each.name}".lstrip("/")) for each in entries]

    def _take(self, path: str, name: str) -> bool:
        """Add one file, folder or link; return whether it is a new folder."""
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
        if folder and _is_in(os.path.realpath(self._store), path):
            raise NotStorableError("contains the results store, and can't be stored in it", path)
        if name:
            self._items[name] = Item(name, path, status)
        return folder

    def follow_links(self) -> None:
        """Decide for each link whether it stays one; its target may contain more links."""
        while self._links:
            self._follow(*self._links.popleft())

    def _follow(self, path: str, name: str) -> None:
        leads_to = os.readlink(path)
        try:
            final = os.path.realpath(path, strict=True)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            why = "does not exist" if missing else f"can't be followed ({error.strerror})"
            raise NotStorableError(
                f"is a link to {text.line(leads_to)}, which {why}", path
            ) from error
        whole = os.path.join(os.path.dirname(path), leads_to)
        for target in (_real(whole, os.path.realpath), final):
            known = self._names.get(target)
            if known is not None:
                inside = os.path.relpath(known or ".", os.path.dirname(name) or ".")
                link = leads_to if os.path.normpath(leads_to) == inside else inside
                self._items[name] = Item(name, path, os.lstat(path), link)
                return
        if not self._is_inside(final):
            raise NotStorableError(
                f"is a link to {text.line(leads_to)}, which leaves the run directory",
                path,
            )
        if _is_in(path, final):
            raise NotStorableError(
                f"is a link to {text.line(leads_to)}, a folder that contains the link itself", path
            )
        del self._claimed[name]
        if self._names[path] == name:
            del self._names[path]
        self.walk(final, name)

    def _is_inside(self, path: str) -> bool:
        return any(_is_in(path, root) for root in self._roots)


def _located(product: str, rundir: str, resolve: Callable[[str], str]) -> str | None:
    """Return the path of a product, with no links in its folder; None if it does not exist."""
    for base in ("", rundir):
        path = os.path.abspath(os.path.join(base, product))
        if not os.path.lexists(path):
            continue
        real = _real(path, resolve)
        final = resolve(path) if os.path.islink(path) else real
        if final == resolve(rundir):
            return final
        if _is_in(path, os.path.abspath(rundir)) and not _is_in(real, resolve(rundir)):
            raise NotStorableError("is behind a link that leaves the run directory", path)
        return real
    return None


def _real(path: str, resolve: Callable[[str], str]) -> str:
    """Return a path with all links resolved except its last part."""
    head, tail = os.path.split(path)
    if tail in {"", ".", ".."}:
        return resolve(path)
    return os.path.join(resolve(head), tail)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _named_apart(paths: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Name products outside the run directory by as many last parts of their paths as needed."""
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
    """Refuse a product that would be stored inside another one that is not a folder."""
    for name, item in items.items():
        parts = name.split("/")
        for count in range(1, len(parts)):
            parent = items.get("/".join(parts[:count]))
            if parent is not None and not parent.is_folder:
                raise NotStorableError(
                    f"would be stored inside {text.line(parent.source)}, which is not a folder",
                    item.source,
                )


@contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotStorableError(f"can't be read: {error.strerror}", path) from error
