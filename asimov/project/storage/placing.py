"""Put one file, folder or link into the results store."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov import text
from asimov.errors import AsimovError
from asimov.project.storage.aside import set_aside
from asimov.project.storage.copying import checksum, copy, permissions, stored_mode
from asimov.project.storage.names import PARTIAL, SPARE
from asimov.project.storage.objects import Objects, link
from asimov.project.storage.products import Item


class AlreadyPresentException(AsimovError):  # noqa: N818  (plugins import this name)
    """The store has another file of that name."""


def put(folder: Path, item: Item, known: Mapping[str, Any], objects: Objects) -> dict[str, Any]:
    """Put an item into the store; return its entry in the manifest.

    If something already exists there, it is kept if it is the same, and otherwise moved aside: an
    interrupted pass may have left it.
    """
    target = folder / item.name
    _make_folders(folder, item.name)
    entry: dict[str, Any] = {"mode": f"{permissions(item.status):03o}"}
    if item.link is not None:
        entry = {"link": item.link}
    elif item.is_folder:
        entry["directory"] = True
    else:
        entry["size"] = item.status.st_size
        if os.path.lexists(target) or known:
            entry["sha256"] = checksum(item.source, item.status)
    if not item.is_folder:
        entry["modified"] = item.status.st_mtime_ns
    if item.origin is not None:
        entry["from"] = item.origin
    if known and any(known.get(key) != entry.get(key) for key in ("sha256", "link", "directory")):
        raise AlreadyPresentException(
            f"another {text.line(item.name)} of {'/'.join(folder.parts[-2:])} is already stored",
            where=text.line(str(target)),
            hint="if the new one should replace it, move the stored one away",
        )
    if os.path.lexists(target) and not is_as_stored(target, entry):
        set_aside(folder, [item.name])
    if not os.path.lexists(target):
        _make(item, target, folder / PARTIAL, entry, objects)
    if item.link is None:
        _settle_mode(target, stored_mode(item.status))
    return entry


def _settle_mode(path: Path, mode: int) -> None:
    """Set the mode of a stored file or folder if this user owns it: nobody else can."""
    status = path.stat()
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1 and not status.st_mode & 0o222:
        return  # it shares the mode of an object
    if status.st_mode & stat.S_ISGID and stat.S_ISDIR(status.st_mode):
        # It is shared: the next user needs permission to write, also to new files.
        mode |= status.st_mode & (stat.S_ISGID | stat.S_IRWXG)
    if stat.S_IMODE(status.st_mode) != mode and os.geteuid() in {status.st_uid, 0}:
        path.chmod(mode)


def _make(item: Item, target: Path, partial: Path, entry: dict[str, Any], objects: Objects) -> None:
    if item.is_folder:
        target.mkdir()
        return
    if item.link is not None:
        partial.symlink_to(item.link)
    elif item.sha256 and link(item.source, partial):
        entry["sha256"] = item.sha256
    else:
        entry["sha256"] = copy(item.source, partial, item.status)
        if not item.unique:
            objects.share(partial, entry["sha256"], partial.with_name(SPARE))
    partial.replace(target)


def _make_folders(folder: Path, name: str) -> None:
    """Make the folders that contain an item; move aside anything in the way."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
    for parent in [*Path(name).parents][-2::-1]:
        path = folder / parent
        if path.is_symlink() or not path.is_dir():
            if os.path.lexists(path):
                set_aside(folder, [str(parent)])
            path.mkdir()


def is_as_stored(path: Path, entry: Mapping[str, Any]) -> bool:
    """Say whether a stored file, folder or link matches its entry."""
    if "link" in entry:
        return path.is_symlink() and path.readlink() == Path(entry["link"])
    if path.is_symlink():
        return False
    if entry.get("directory"):
        return path.is_dir()
    return path.is_file() and checksum(path) == entry["sha256"]
