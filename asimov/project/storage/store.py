"""The results store: read-only copies of finished products, each with its checksum."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from asimov import text
from asimov.errors import AsimovError
from asimov.project.storage.aside import move_results
from asimov.project.storage.manifest import read_manifest
from asimov.project.storage.names import (
    PARTIAL,
    SPARE,
    is_reserved,
    is_temporary,
    names_in,
)
from asimov.project.storage.objects import FOLDER, Objects
from asimov.project.storage.placing import AlreadyPresentException, is_as_stored, put
from asimov.project.storage.products import Item, NotStorableError, survey
from asimov.project.storage.superseded import is_superseded
from asimov.project.storage.unlisted import Unlisted
from asimov.project.storage.verification import Fault, verify
from asimov.system import clock
from asimov.system.files import unwritable

__all__ = ["AlreadyPresentException", "Store"]


class Store:
    """A folder of results: ``<subject>/<analysis>/<file>``, with a manifest for each analysis.

    The manifest has an entry for each file (``sha256`` and ``size``), each folder of a product
    (``directory``) and each link (``link``, its text), with its ``mode`` and when it was
    ``stored``; ``modified`` is when the original was written, in nanoseconds. ``from`` is the path,
    relative to the run directory, of a product that is not in it; ``source`` that of the original
    of a file that was stored by itself, relative to the store.
    Manifests of earlier releases have entries of files only, without ``mode`` and ``modified``.
    Files are read-only, and those with the same content are stored once
    (`asimov.project.storage.objects`).

    Parameters
    ----------
    root
        The store's folder; it is made if it is missing.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.objects = Objects(self.root)
        self._unlisted = Unlisted()
        self._together = False

    def analyses(self) -> list[tuple[str, str]]:
        """Return subject and name of every analysis that has a folder in the store."""
        subjects = [each for each in names_in(self.root) if each != FOLDER]
        return sorted(
            (subject, name)
            for subject in subjects
            for name in names_in(self.root / subject)
            if (self.root / subject / name).is_dir()
        )

    def folders(self) -> Iterator[Path]:
        """Yield the folder of every analysis, and of every superseded result in it."""
        for subject, analysis in self.analyses():
            folder = self.root / subject / analysis
            yield folder
            yield from (folder / each for each in names_in(folder) if is_superseded(each))

    def manifests(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield the folder and the manifest of every analysis, and of every superseded result."""
        for folder in self.folders():
            yield folder, read_manifest(folder)

    def spare_objects(self) -> Iterator[tuple[Path, int]]:
        """Yield contents that no result has, with sizes, but for those of files that are missing.

        Such an object is the last copy of a file that a manifest lists.
        """
        unused = list(self.objects.unused())
        if not unused:
            return
        try:
            missing = {
                entry.get("sha256")
                for folder, entries in self.manifests()
                for name, entry in entries.items()
                if not os.path.lexists(folder / name)
            }
        except AsimovError:  # what a damaged manifest lists is not known
            return
        for path, size in unused:
            if path.parent.name + path.name.partition("-")[0] not in missing:
                yield path, size

    def drop_objects(self, paths: Iterable[Path]) -> int:
        """Remove objects that still no stored file links to; return how many bytes were freed."""
        freed = 0
        for path in paths:
            with suppress(OSError):
                status = path.lstat()
                if status.st_nlink == 1:
                    path.unlink()
                    freed += status.st_size
        return freed

    def take_over(
        self, subject: str, analysis: str, folder: Path, made_by: str, record: Path
    ) -> None:
        """Store the results of another analysis as those of this one, as links where possible.

        When this returns, all of it is on disk and in the manifest, in which ``reused from`` says
        who made it.

        Parameters
        ----------
        subject, analysis
            The analysis.
        folder
            The folder of the results, all of which were just checked.
        made_by
            Who made them.
        record
            The file that takes the place of theirs of that name.
        """
        entries = read_manifest(folder)
        entries.pop(record.name, None)
        items = [
            Item(
                name,
                str(folder / name),
                (folder / name).lstat(),
                link=entry.get("link"),
                sha256=entry.get("sha256"),
            )
            for name, entry in entries.items()
        ]
        kept = {
            name: {key: entry[key] for key in ("mode", "from") if key in entry}
            | {"reused from": made_by}
            for name, entry in entries.items()
        }
        items.append(Item(record.name, str(record), record.stat()))
        self._store(subject, analysis, items, kept)

    def verify(self, subject: str, analysis: str, *, quick: bool = False) -> list[Fault]:
        """Return what of an analysis's results is not as it was stored.

        Parameters
        ----------
        subject, analysis
            The analysis.
        quick
            Whether to trust a file that has the right size and was not written after it was stored.
        """
        return verify(self.root, self.manifest, [(subject, analysis)], quick=quick).faults

    def add_file(
        self, subject: str, analysis: str, file: str | Path, new_name: str | None = None
    ) -> Path:
        """Copy a file into the store.

        Parameters
        ----------
        subject, analysis
            The analysis that made it.
        file
            The file.
        new_name
            Its name in the store, by default its own. A relative path puts it into a folder.

        Returns
        -------
        Path
            Its path in the store.

        Raises
        ------
        AlreadyPresentException
            If the store has a file of that name with other content.
        """
        source = Path(file)
        name = new_name or source.name
        outside = Path(name).is_absolute() or ".." in Path(name).parts or not Path(name).name
        if outside or is_reserved(name):
            raise AsimovError(f"{name!r} can't be a name in the store", where=source)
        try:
            real = source.resolve()
            item = Item(os.path.normpath(name), str(real), real.stat())
        except OSError as error:
            raise AsimovError(f"can't be read: {error.strerror}", where=source) from error
        if not stat.S_ISREG(item.status.st_mode):
            raise AsimovError("can't be read: it is not a regular file", where=source)
        original = os.path.relpath(real, os.path.realpath(self.root))
        self._store(subject, analysis, [item], {item.name: {"source": original}})
        return self.root / subject / analysis / name

    def add_products(
        self,
        subject: str,
        analysis: str,
        products: Iterable[str | Path],
        rundir: str | Path,
        record: Path | None = None,
    ) -> list[str]:
        """Store products, folders with everything in them; if one can't be stored, store nothing.

        When this returns, all of it is on disk and in the manifest. After a crash, calling it again
        completes it.

        Parameters
        ----------
        subject, analysis
            The analysis that made them.
        products
            Their paths.
        rundir
            The run directory (see `asimov.project.storage.products.survey`).
        record
            A file about the products that is stored with them under its own name, if it exists.

        Returns
        -------
        list of str
            The products that don't exist.

        Raises
        ------
        NotStorableError
            If one of them is not a file or folder, or a link that can't be stored, or if none of
            them exists.
        AlreadyPresentException
            If the store has something else of that name.
        """
        found = survey(products, rundir, self.root)
        for item in found.items.values():
            if is_reserved(item.name):
                raise NotStorableError(
                    f"can't be stored: the store reserves the name {text.quoted(item.name)}",
                    item.source,
                )
        if not found.items and any("/" in each for each in found.missing):
            raise NotStorableError(
                "does not exist, so nothing that the pipeline lists can be stored",
                next(each for each in found.missing if "/" in each),
            )
        if found.items and record is not None and record.is_file():
            found.items.setdefault(
                record.name, Item(record.name, str(record), record.stat(), unique=True)
            )
        if found.items:
            self._store(subject, analysis, list(found.items.values()))
        return found.missing

    def manifest(self, subject: str, analysis: str) -> dict[str, Any]:
        """Return the manifest of an analysis: an entry for each stored file, by name."""
        folder = self.root / subject / analysis
        waiting = self._unlisted.manifest(folder)
        return read_manifest(folder) if waiting is None else waiting

    def fetch_file(self, subject: str, analysis: str, name: str) -> Path:
        """Return the path of a stored file after verifying its checksum.

        For a folder this only checks that it exists, for a link where it leads.

        Raises
        ------
        AsimovError
            If it was never stored, is missing, or has changed.
        """
        path = self.root / subject / analysis / name
        known = self.manifest(subject, analysis).get(name)
        if not known or not os.path.lexists(path):
            raise AsimovError("is not in the store", where=path)
        if not is_as_stored(path, known):
            differs = "its checksum" if "sha256" in known else "its kind or where it leads"
            raise AsimovError(f"has changed since it was stored: {differs} differs", where=path)
        return path

    def replace(self, subject: str, analysis: str) -> None:
        """Move the stored results of an analysis aside because it will run again.

        Everything in its folder moves to ``<subject>/<analysis>/superseded-<n>/``, including files
        that an interrupted pass stored and that no manifest lists yet. The manifest leaves first
        and arrives last: neither folder ever has one that lists a file which is not there. A
        damaged manifest moves as it is.
        """
        self._settle()
        folder = self.root / subject / analysis
        with _writing(folder):
            names = [each for each in names_in(folder) if not is_superseded(each)]
            move_results(folder, names)

    def _store(
        self,
        subject: str,
        analysis: str,
        items: Sequence[Item],
        more: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Store items, and list them in the manifest, with more to say of some."""
        folder = self.root / subject / analysis
        manifest = self.manifest(subject, analysis)
        with _writing(folder):
            for item in items:
                known = manifest.get(item.name, {})
                entry = put(folder, item, known, self.objects)
                entry |= (more or {}).get(item.name, {})
                manifest[item.name] = {**entry, "stored": known.get("stored", clock.iso())}
        self._unlisted.add(folder, items, manifest)
        if not self._together:
            self._settle()

    def _settle(self) -> None:
        for error in self._unlisted.settle().values():
            raise error

    @contextmanager
    def together(self) -> Iterator[dict[Path, AsimovError]]:
        """Put off syncs and manifests to the end of the block, for many analyses in one go.

        Within the block this object answers as if the manifests were written. If the block raises,
        they are not: what was put into the store is stored again by the next pass.

        Yields
        ------
        dict
            After the block: why the results of an analysis are not listed, by its folder.
        """
        failed: dict[Path, AsimovError] = {}
        self._together = True
        try:
            yield failed
            failed.update(self._unlisted.settle())
        finally:
            self._together = False
            self._unlisted.forget()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Remove the partial files of a crash first, and report any failure as one error."""
    try:
        _sweep(folder)
        yield
    except OSError as error:
        raise unwritable(error, folder, "can't be stored") from error
    finally:
        for name in (PARTIAL, SPARE):
            with suppress(OSError):
                (folder / name).unlink()


def _sweep(folder: Path) -> None:
    for name in names_in(folder):
        if is_temporary(name):
            (folder / name).unlink()
