"""The results store: finished products, each with its checksum."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from asimov import reading
from asimov.errors import AsimovError
from asimov.files import unwritable, write_atomically

_MANIFEST = "manifest.json"


class AlreadyPresentException(AsimovError):  # noqa: N818  (plugins import this name)
    """The store holds another file under that name."""


class Store:
    """A folder of results: ``<subject>/<analysis>/<file>`` beside a manifest of each analysis.

    Parameters
    ----------
    root
        The store's folder; made where it is missing.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def add_file(
        self, subject: str, analysis: str, file: str | Path, new_name: str | None = None
    ) -> Path:
        """Copy a file into the store.

        Parameters
        ----------
        subject, analysis
            Whose product it is.
        file
            The file.
        new_name
            Its name in the store, by default its own; a relative path puts it into a folder.

        Returns
        -------
        Path
            Where it lies in the store.

        Raises
        ------
        AlreadyPresentException
            Where the store has a file of that name with other content.
        """
        source = Path(file)
        name = new_name or source.name
        outside = Path(name).is_absolute() or ".." in Path(name).parts or not Path(name).name
        if name == _MANIFEST or outside:
            raise AsimovError(f"{name!r} can't be a name in the store", where=source)
        folder = self.root / subject / analysis
        checksum = _checksum(source)
        manifest = self.manifest(subject, analysis)
        known = manifest.get(name)
        target = folder / name
        if known and known["sha256"] != checksum:
            raise AlreadyPresentException(
                f"another {name} of {subject}/{analysis} was stored before",
                where=target,
                hint="move it away if the new one is to replace it",
            )
        if known and target.exists():
            return target
        partial = target.with_name(f".{target.name}.partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, partial)
            if _checksum(partial) != checksum:
                raise AsimovError("changed while it was copied to the store", where=source)
            partial.replace(target)
        except OSError as error:
            raise unwritable(error, target, "can't be stored") from error
        finally:
            with suppress(OSError):
                partial.unlink()
        manifest[name] = {
            "sha256": checksum,
            "size": target.stat().st_size,
            "stored": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        write_atomically(folder / _MANIFEST, json.dumps(manifest, indent=2) + "\n")
        return target

    def manifest(self, subject: str, analysis: str) -> dict[str, Any]:
        """Return what the store holds of an analysis: checksum, size and time by file."""
        path = self.root / subject / analysis / _MANIFEST
        try:
            manifest = json.loads(reading.contents(path))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict):
            raise AsimovError(
                "is not a manifest of the store", where=path, hint="restore it from a copy"
            )
        return manifest

    def fetch_file(self, subject: str, analysis: str, name: str) -> Path:
        """Return the path of a stored file, checked against its checksum.

        Raises
        ------
        AsimovError
            Where it was never stored, is missing, or is not as it was.
        """
        path = self.root / subject / analysis / name
        known = self.manifest(subject, analysis).get(name)
        if not known or not path.exists():
            raise AsimovError("is not in the store", where=path)
        if _checksum(path) != known["sha256"]:
            raise AsimovError("is not as it was stored: its checksum differs", where=path)
        return path

    def replace(self, subject: str, analysis: str) -> None:
        """Forget what is stored of an analysis that is to be run again; its files are kept.

        They move to ``<subject>/<analysis>/superseded-<n>/``.
        """
        folder = self.root / subject / analysis
        known = self.manifest(subject, analysis)
        if not known:
            return
        # Where this was cut short before, some of the files, or all, have been moved already.
        names = [each for each in known if (folder / each).exists()]
        number = 1 + sum(1 for _ in folder.glob("superseded-*"))
        old = folder / f"superseded-{number}"
        old.mkdir()
        for name in [*names, _MANIFEST]:
            (old / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).rename(old / name)


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    return digest.hexdigest()
