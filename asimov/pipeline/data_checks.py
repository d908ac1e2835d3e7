"""Check the data in a file against names and types: CSV and similar tables, and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asimov.system.reading import opened_text
from asimov.text import quoted

#: A fault: a text, or the number of a line and a text.
Fault = str | tuple[int, str]

_TABLES = {"text/csv": ",", "text/tab-separated-values": "\t"}
_FORMATS = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
}


def faults_of_data(
    path: Path, data: Mapping[str, Any], media_type: str | None = None
) -> Iterator[Fault]:
    """Yield where a file does not hold what it should.

    Only formats that this module knows are read: tables with a header line (RFC 4180; also with
    tabs), in which each name is a column, and JSON (RFC 8259): an object, or a list of them. Of
    types, ``int``, ``float``, ``number``, ``bool`` and ``str`` are checked; of others, only that
    the name is there.

    Parameters
    ----------
    path
        The file.
    data
        Types by name, as texts, or mappings of them.
    media_type
        The file's format; by default what its name says.
    """
    kind = media_type.lower() if media_type else _FORMATS.get(path.suffix.lower())
    try:
        if kind in _TABLES:
            yield from _of_table(path, data, _TABLES[kind])
        elif kind == "application/json":
            yield from _of_json(path, data)
    except (OSError, UnicodeDecodeError, csv.Error, RecursionError) as error:
        yield f"can't be read: {error}"


def finite(path: Path) -> Iterator[Fault]:
    """Yield each value of a table that is not a finite number, except for its header: a check."""
    separator = _TABLES[_FORMATS.get(path.suffix.lower(), "text/csv")]
    with opened_text(path, newline="") as stream:
        rows = csv.reader(stream, delimiter=separator)
        header = next(rows, [])
        for row in rows:
            for name, value in zip(header, row, strict=False):
                if not _is_number(value):
                    yield rows.line_num, f"{name}: {quoted(value)} is not a finite number"


def _of_table(path: Path, data: Mapping[str, Any], separator: str) -> Iterator[Fault]:
    with opened_text(path, newline="") as stream:
        rows = csv.reader(stream, delimiter=separator)
        header = next(rows, [])
        places = {name: header.index(name) for name in data if name in header}
        for name in data:
            if name not in places:
                has = ", ".join(header[:10]) or "nothing"
                yield 1, f"there is no column {quoted(name)}; the columns are {has}"
        checks = [(name, at, _TEXTS.get(str(data[name]).lower())) for name, at in places.items()]
        for row in rows:
            if not row:  # an empty line
                continue
            if len(row) != len(header):
                yield rows.line_num, f"should have {len(header)} values, not {len(row)}"
                continue
            for name, at, is_one in checks:
                if is_one is not None and not is_one(row[at]):
                    yield rows.line_num, f"{name}: {quoted(row[at])} is not of type {data[name]}"


def _of_json(path: Path, data: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        with opened_text(path) as stream:
            value = json.load(stream)
    except json.JSONDecodeError as error:
        yield error.lineno, f"is not JSON: {error.msg}"
        return
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _of_value(each, data, (f"[{number}]",))
    else:
        yield from _of_value(value, data, ())


def _of_value(value: Any, wanted: Any, path: tuple[str, ...]) -> Iterator[str]:
    where = f"{': '.join(path)}: " if path else ""
    if isinstance(wanted, Mapping):
        if not isinstance(value, Mapping):
            yield f"{where}should be a mapping, not {quoted(value)}"
            return
        for name, kind in wanted.items():
            if name not in value:
                yield f"{where}there is no {quoted(name)}"
            else:
                yield from _of_value(value[name], kind, (*path, str(name)))
        return
    kinds = _KINDS.get(str(wanted).lower())
    wrong = kinds is not None and not isinstance(value, kinds)
    if wrong or (isinstance(value, bool) and kinds not in {None, (bool,)}):
        yield f"{where}{quoted(value)} is not of type {wanted}"


def _is_int(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return _is_float(text) and math.isfinite(float(text))


_TEXTS: dict[str, Callable[[str], bool]] = {
    "int": _is_int,
    "integer": _is_int,
    "float": _is_float,
    "number": _is_float,
    "bool": lambda text: text.lower() in {"true", "false", "0", "1"},
}
_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "integer": (int,),
    "float": (float, int),
    "number": (float, int),
    "bool": (bool,),
    "str": (str,),
    "text": (str,),
}
