"""Read an RO-Crate from a folder or a zip file that a stranger may have made.

Nothing of it is believed: names that leave their folder, links, devices, encrypted files, two files
of one name and zip files that unpack to far more than they are worth are refused, and no file is
read beyond the size that it is said to have.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import msgspec

from asimov.engine.provenance.crates.contents import (
    BLUEPRINT,
    FILE,
    METADATA,
    README,
    Contents,
    Packed,
    check_path,
    decoded,
)
from asimov.engine.provenance.export.runs import Product, Run, of_text
from asimov.engine.provenance.record import FILE as RECORD
from asimov.errors import AsimovError
from asimov.system import reading
from asimov.system.files import is_file, is_folder
from asimov.text import line

_BLOCK = 1 << 20
#: The most files of a zip file.
_MOST_FILES = 200_000
#: A zip file may unpack to this many times its size, and to this many bytes in any case.
_MOST_TIMES = 200
_HARMLESS = 1_000_000_000
#: What goes wrong when a damaged zip file is read.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class _Files(Protocol):
    """The files of a crate, wherever they are."""

    def open(self, place: str) -> BinaryIO: ...


class _Entity(msgspec.Struct):
    """What this module reads of an entity of the metadata."""

    id: str = msgspec.field(default="", name="@id")
    sha256: str | None = None


class _Metadata(msgspec.Struct):
    graph: list[_Entity] = msgspec.field(default_factory=list, name="@graph")


class Crate:
    """An open crate.

    Parameters
    ----------
    path
        The folder or the zip file.
    files
        Opens its files.

    Attributes
    ----------
    contents
        What it says it contains.
    """

    def __init__(self, path: Path, files: _Files) -> None:
        self.path = path
        self._files = files
        with _naming(path):
            data = self._small(FILE)
            self._check(FILE, data, self._described(FILE))
            self.contents: Contents = decoded(data)

    def blueprint(self) -> str:
        """Return the text of its blueprint."""
        data = self._small(BLUEPRINT)
        self._check(BLUEPRINT, data, self.contents.sums.get(BLUEPRINT))
        return data.decode(errors="replace")

    def unchecked(self) -> list[str]:
        """Return a line for each of its texts that can't be checked, or that only people read."""
        sums = {FILE: self._described(FILE), **dict.fromkeys((BLUEPRINT, README))}
        sums |= self.contents.sums
        found = [
            f"the crate has no checksum of {name}, so it is not known whether it has changed"
            for name in (FILE, BLUEPRINT)
            if sums[name] is None
        ]
        with suppress(AsimovError):
            if sums[README] not in {None, _sha256(self._small(README))}:
                found.append(f"{README} has changed since it was packed")
        return found

    def _described(self, name: str) -> str | None:
        """Return the SHA-256 of a file that the metadata has, if it does."""
        try:
            found = msgspec.json.decode(self._small(METADATA), type=_Metadata)
        except (AsimovError, msgspec.MsgspecError, ValueError):
            return None
        return next((each.sha256 for each in found.graph if each.id == name), None)

    def _check(self, place: str, data: bytes, sha256: str | None) -> None:
        if sha256 is not None and sha256 != _sha256(data):
            raise self._changed(place)

    def _changed(self, place: str) -> AsimovError:
        return AsimovError(
            f"{line(place)} has changed since it was packed",
            where=self.path,
            hint="ask whoever made the crate for a new copy",
        )

    def run(self) -> Run:
        """Return the attempt that it packs, with the checksums of its products."""
        with _naming(self.path):
            for each in self.contents.files:
                if each.place == RECORD and (each.size or 0) <= reading.LARGEST:
                    run = of_text(b"".join(self.blocks(each)))
                    run.products = self._products()
                    return run
            raise AsimovError(f"has no {RECORD}")

    def _products(self) -> list[Product]:
        return [
            Product(each.path, each.sha256, each.size)
            for each in self.contents.files
            if each.role == "product"
        ]

    def blocks(self, packed: Packed) -> Iterator[bytes]:
        """Yield the content of a file, and fail at its end if its checksum is another one.

        Raises
        ------
        AsimovError
            If the file is not in the crate, or has changed since it was packed.
        """
        changed = self._changed(packed.place)
        digest, left = hashlib.sha256(), packed.size or 0
        with self._opened(packed.place) as stream:
            while block := stream.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise changed
                digest.update(block)
                yield block
        if left or digest.hexdigest() != packed.sha256:
            raise changed

    def _small(self, place: str) -> bytes:
        with self._opened(place) as stream:
            return reading.bounded(stream, place)

    @contextmanager
    def _opened(self, place: str) -> Iterator[BinaryIO]:
        try:
            with self._files.open(place) as stream:
                yield stream
        except FileNotFoundError as error:
            raise AsimovError(f"has no {line(place)}", where=self.path) from error
        except OSError as error:
            raise AsimovError(f"{line(place)}: {error.strerror}", where=self.path) from error
        except _DAMAGED as error:
            raise AsimovError(f"{line(place)} is damaged: {error}", where=self.path) from error


@contextmanager
def open_crate(path: Path) -> Iterator[Crate]:
    """Open a crate.

    Raises
    ------
    AsimovError
        If it is none, or can't be trusted.
    """
    if is_folder_crate(path):
        yield Crate(path, _Folder(path))
        return
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise AsimovError(
                f"is not a crate: it has no {FILE}",
                where=path,
                hint="name a folder or a zip file that 'asimov package' made",
            )
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    except _DAMAGED as error:
        raise AsimovError(f"is not a readable zip file: {error}", where=path) from error
    with archive:
        _check_members(archive, path)
        yield Crate(path, _Archive(archive))


def is_crate(name: str) -> bool:
    """Return whether a word names a crate: a zip file, or a folder that is one.

    One that does not exist is taken for a zip file, unless an analysis may have that name.
    """
    path = Path(name)
    is_zip = name.endswith(".zip") and (is_file(path) or name.count("/") != 1)
    return is_zip or is_folder_crate(path)


def is_folder_crate(path: Path) -> bool:
    """Return whether a folder is a crate."""
    return is_folder(path) and os.path.lexists(path / FILE)


class _Folder:
    """The files of a folder, without links and what is behind them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, place: str) -> BinaryIO:
        check_path(place)
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in place.split("/"):
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                inner = os.open(part, flags, dir_fd=handle)
                os.close(handle)
                handle = inner
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise AsimovError(f"{line(place)} is not a regular file", where=self._root)
        except OSError as error:
            os.close(handle)
            if error.errno == 40:  # ELOOP: a link
                raise AsimovError(
                    f"{line(place)} is a link, or behind one", where=self._root
                ) from error
            raise
        except AsimovError:
            os.close(handle)
            raise
        return os.fdopen(handle, "rb")


class _Archive:
    """The files of a zip file whose members were checked."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def open(self, place: str) -> BinaryIO:
        try:
            return cast(BinaryIO, self._archive.open(place))
        except KeyError as error:
            raise FileNotFoundError(place) from error


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse a zip file with members that no crate has."""
    members = archive.infolist()
    if len(members) > _MOST_FILES:
        raise AsimovError(f"has more than {_MOST_FILES} files", where=path)
    total, seen = 0, set()
    for each in members:
        name = each.filename.rstrip("/") if each.is_dir() else each.filename
        with _naming(path):
            check_path(name)
        kind = stat.S_IFMT(each.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise AsimovError(f"{line(name)} is a link or a device", where=path)
        if each.flag_bits & 1:
            raise AsimovError(f"{line(name)} is encrypted", where=path)
        if name in seen:
            raise AsimovError(f"contains {line(name)} twice", where=path)
        seen.add(name)
        total += each.file_size
    if total > max(_HARMLESS, _MOST_TIMES * path.stat().st_size):
        raise AsimovError(
            f"would unpack to {total // 1_000_000} MB, at least {_MOST_TIMES} times its size",
            where=path,
            hint="if you trust it, unpack it yourself and name the folder",
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors name the crate."""
    try:
        yield
    except AsimovError as error:
        error.where = error.where or path
        raise
