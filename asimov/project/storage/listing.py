"""List the stored results of analyses, and make a folder of links to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.storage.store import Store
from asimov.system.files import unwritable


class StoredFile(NamedTuple):
    """A file of the store.

    Attributes
    ----------
    key, name
        The analysis, and the file's name in its folder.
    path
        Where it is.
    entry
        What the manifest says of it; see `Store`.
    """

    key: Key
    name: str
    path: Path
    entry: dict[str, Any]


def files(store: Store, keys: Iterable[Key]) -> Iterator[StoredFile]:
    """Yield the stored files of analyses, without folders."""
    for key in keys:
        for name, entry in store.manifest(*key).items():
            if not entry.get("directory"):
                yield StoredFile(key, name, store.root.joinpath(*key, name), entry)


def link(found: Iterable[StoredFile], root: Path) -> Iterator[Path]:
    """Make links to stored files, as ``<root>/<subject>/<analysis>/<name>``; yield each.

    A link that leads elsewhere is replaced.

    Raises
    ------
    AsimovError
        If a file is in the place of a link, or one can't be made.
    """
    for each in found:
        place = root.joinpath(*each.key, each.name)
        target = each.path.absolute()
        try:
            if place.is_symlink():
                if place.readlink() == target:
                    yield place
                    continue
                place.unlink()
            elif place.exists():
                raise AsimovError(
                    "is in the way of a symbolic link, and was left alone",
                    where=place,
                    hint="move or rename it, and run the command again",
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
        except OSError as error:
            raise unwritable(error, place, "can't be created") from error
        yield place
