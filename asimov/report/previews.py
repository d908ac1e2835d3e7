"""Previews of files: a picture, the first rows of a table, the beginning of text or JSON."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from asimov import text

#: Pictures that browsers show, with their media types.
PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
_TABLES = {".csv": ",", ".tsv": "\t"}
#: The most bytes that a preview is made of, and the most rows, columns, lines and characters.
_BYTES = 1 << 16
_ROWS = 20
_COLUMNS = 12
_LINES = 60
_CHARACTERS = 400


@dataclass(frozen=True)
class Preview:
    """What can be shown of a file.

    Attributes
    ----------
    kind
        ``picture``, ``table``, ``text``, or empty where nothing can be shown.
    rows
        The rows of a table, the first with its headings.
    text
        The text; control characters are escaped.
    whole
        Whether this is all of the file.
    """

    kind: str = ""
    rows: list[list[str]] = field(default_factory=list)
    text: str = ""
    whole: bool = True


def preview(path: Path, rows: int = _ROWS, lines: int = _LINES) -> Preview:
    """Return what can be shown of a file; nothing if it can't be read or is no text.

    Parameters
    ----------
    path
        The file.
    rows, lines
        The most rows of a table, and lines of text.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return Preview("picture")
    try:
        with path.open("rb") as stream:
            data = stream.read(_BYTES + 1)
    except OSError:
        return Preview()
    whole = len(data) <= _BYTES
    data = data[:_BYTES]
    if b"\0" in data:
        return Preview()
    found = text.of_bytes(data)
    if suffix in _TABLES and (table := _table(found, _TABLES[suffix], rows, whole=whole)):
        return table
    if suffix == ".json" and whole:
        with suppress(ValueError, RecursionError):  # otherwise it is shown as it is
            found = json.dumps(json.loads(found), indent=2, ensure_ascii=False)
    all_lines = found.split("\n")
    shown = [text.block(text.short(each, _CHARACTERS)) for each in all_lines[:lines]]
    return Preview("text", text="\n".join(shown), whole=whole and len(all_lines) <= lines)


def _table(found: str, delimiter: str, most: int, *, whole: bool) -> Preview | None:
    """Return the first rows of a table; None if the text is none."""
    lines = found.splitlines()
    if not whole:
        lines = lines[:-1]  # cut somewhere
    while lines and lines[0].startswith("#"):  # remarks before the headings
        del lines[0]
    try:
        read = list(islice(csv.reader(lines, delimiter=delimiter), most + 1))
    except csv.Error:
        return None
    if not read:
        return None
    rows = [[text.line(text.short(cell, 80)) for cell in row[:_COLUMNS]] for row in read[:most]]
    all_columns = all(len(row) <= _COLUMNS for row in read)
    return Preview("table", rows=rows, whole=whole and len(read) <= most and all_columns)
