"""Bundles: documents that list analyses, either in full or by the names of their files.

The format is that of asimov 0.8: an item of ``analyses`` is an analysis, or the name of a file
without its ``.yaml``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import sources
from asimov.ledger.documents import Document, read_documents
from asimov.system.files import is_file
from asimov.text import did_you_mean, short

#: Keys that name the subject of an analysis; in a bundle, only the bundle itself may have them.
_WHOSE = {"kind", "event", "subject"}


def members(document: Document, bundle: dict[str, Any]) -> Iterator[Document]:
    """Yield the analyses of a bundle as documents of the kind ``analysis``.

    Parameters
    ----------
    document
        The bundle's document.
    bundle
        Its content; it has the shape of a bundle.

    Raises
    ------
    AsimovError
        If a file that it names is not found or contains no analysis; the error gives the place of
        the name.
    """
    subject = bundle.get("subject", bundle.get("event"))
    for number, item in enumerate(bundle["analyses"]):
        path: list[str | int] = ["analyses", number]
        if isinstance(item, str):
            yield from _of_file(item, document, path, subject)
        else:
            yield Document(
                _analysis(item, subject),
                document.file,
                document.place(path).line or document.line,
                document.index,
                document.text,
                root=tuple(path),
            )


def _analysis(data: dict[str, Any], subject: str | None) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key not in _WHOSE}
    return {"kind": "analysis", **({} if subject is None else {"subject": subject}), **rest}


def _of_file(
    name: str, bundle: Document, path: list[str | int], subject: str | None
) -> Iterator[Document]:
    file = _find(name, bundle, path)
    found = 0
    for each in read_documents(sources.text(str(file)), str(file)):
        if not isinstance(each.data, dict) or str(each.data.get("kind")).lower() != "analysis":
            raise AsimovError(
                "a file named by a bundle may contain only analyses",
                where=each.place(["kind"]),
                hint=f"it is named at {bundle.place(path)}",
            )
        found += 1
        each.data = _analysis(each.data, subject)
        yield each
    if not found:
        raise AsimovError("contains no analysis", where=file, hint=f"named at {bundle.place(path)}")


def _find(name: str, bundle: Document, path: list[str | int]) -> Path:
    """Return a file that a bundle names, from the first folder that contains it."""
    folders = _folders(bundle.file)
    for folder in folders:
        file = folder / f"{name}.yaml"
        # A name must not lead out of the folder.
        if is_file(file) and folder.resolve() in file.resolve().parents:
            return file
    there = sorted({each.stem for folder in folders for each in folder.glob("*.yaml")})
    raise AsimovError(
        f"there is no file {short(name)}.yaml{did_you_mean(name, there)}",
        where=bundle.place(path),
        hint=f"looked in {', '.join(map(str, folders))}",
    )


def _folders(bundle: str) -> list[Path]:
    """Return the folders to search for the files of a bundle.

    They are the bundle's folder, the current folder, ``$ASIMOV_DATA_PATH`` and the collections of
    blueprints below ``~/.asimov``; asimov 0.8 searches all but the first.
    """
    local = bundle != "-" and "://" not in bundle
    around = [Path(bundle).parent] if local else []
    folders = [folder for base in [*around, Path()] for folder in (base, base / "analyses")]
    if data := os.environ.get("ASIMOV_DATA_PATH"):
        folders.append(Path(data) / "analyses")
    own = Path(os.path.expanduser("~/.asimov"))  # noqa: PTH111  (Path.home() may raise)
    folders += sorted(own.glob("*/asimov-data/analyses"))
    return list(dict.fromkeys(folders))
