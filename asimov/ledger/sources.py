"""Read blueprints (YAML for ``asimov apply``) from files, URLs or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from asimov.errors import AsimovError, Place
from asimov.ledger.documents import Document, read_documents
from asimov.system import reading
from asimov.system.files import is_file
from asimov.text import did_you_mean, nearest, short

#: Names of open descriptors, such as ``<(command)`` in a shell, which may be pipes.
_OPEN = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")


def documents(source: str) -> list[Document]:
    """Return the documents of a source; it and the errors are as of `text`."""
    content = text(source)
    return read_documents(content, source)


def text(source: str) -> str:
    """Return the text of a source.

    Parameters
    ----------
    source
        A file, a URL, or ``-`` for standard input.

    Raises
    ------
    AsimovError
        If it can't be read, is no file, is larger than `reading.LARGEST`, or is no UTF-8 text.
        For a missing file, the error suggests the nearest name.
    """
    try:
        return _data(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AsimovError("is not UTF-8 text", where=source) from error
    except (OSError, ValueError) as error:
        near = _near(Path(source)) if isinstance(error, FileNotFoundError) else ""
        reason = error.strerror if isinstance(error, OSError) else None
        raise AsimovError(f"can't be read: {reason or error}{near}", where=source) from error


def _data(source: str) -> bytes:
    if source == "-":
        return reading.bounded(sys.stdin.buffer, "standard input")
    if source.startswith(("http://", "https://", "file://")):
        return _download(source)
    return reading.contents(source, piped=source.startswith(_OPEN))


def _near(path: Path) -> str:
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return ""
    near = nearest(path.name, names)
    return f"; did you mean {path.parent / near}?" if near else ""


def _download(url: str) -> bytes:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.parse import urlsplit
    from urllib.request import url2pathname, urlopen

    try:
        if url.startswith("file://"):
            return reading.contents(url2pathname(urlsplit(url).path))
        with urlopen(url, timeout=30) as answer:
            return reading.bounded(answer, url)
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        why = (reason.strerror if isinstance(reason, OSError) else None) or reason
        raise AsimovError(f"can't be fetched: {why}", where=url) from error


def analyses(name: str, bundle: str, named_at: Place) -> Iterator[Document]:
    """Yield the documents of a file that a bundle names without its ``.yaml``: its analyses.

    Parameters
    ----------
    name
        The name; the first folder that has such a file counts.
    bundle
        The source of the bundle.
    named_at
        Where the bundle names it.

    Raises
    ------
    AsimovError
        If no folder has the file, or it has no analysis, or another document.
    """
    file = _find(name, bundle, named_at)
    found = 0
    for each in documents(file):
        if not isinstance(each.data, dict) or str(each.data.get("kind")).lower() != "analysis":
            raise AsimovError(
                "a file named by a bundle may contain only analyses",
                where=each.place(["kind"]),
                hint=f"it is named at {named_at}",
            )
        found += 1
        yield each
    if not found:
        raise AsimovError("contains no analysis", where=file, hint=f"it is named at {named_at}")


def _find(name: str, bundle: str, named_at: Place) -> str:
    folders = _folders(bundle)
    for folder in folders:
        file = folder / f"{name}.yaml"
        # A name must not lead out of the folder.
        if is_file(file) and folder.resolve() in file.resolve().parents:
            return str(file)
    there = sorted({each.stem for folder in folders for each in folder.glob("*.yaml")})
    raise AsimovError(
        f"there is no file {short(name)}.yaml{did_you_mean(name, there)}",
        where=named_at,
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
