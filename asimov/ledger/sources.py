"""Where blueprints are read from: files, addresses, standard input."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from asimov.errors import AsimovError


def text(source: str) -> str:
    """Return the text of a source.

    Parameters
    ----------
    source
        A file, a URL, or ``-`` for standard input.

    Raises
    ------
    AsimovError
        Where it can't be read or is no UTF-8 text, with the nearest file that there is.
    """
    try:
        if source == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        if source.startswith(("http://", "https://", "file://")):
            return _download(source)
        return Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AsimovError("is not UTF-8 text", where=source) from error
    except OSError as error:
        near = _near(Path(source)) if isinstance(error, FileNotFoundError) else ""
        raise AsimovError(
            f"can't be read: {error.strerror or error}{near}", where=source
        ) from error


def _near(path: Path) -> str:
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {path.parent / close[0]}?" if close else ""


def _download(url: str) -> str:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=30) as answer:
            data: bytes = answer.read()
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        told = (reason.strerror if isinstance(reason, OSError) else None) or reason
        raise AsimovError(f"can't be fetched: {told}", where=url) from error
    return data.decode("utf-8")
