"""Schemas of assets: what a product looks like, compared where an output feeds an input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.pipeline.data_checks import faults_of_data
from asimov.text import line, quoted

#: What a check returns: faults, each a text or the number of a line and a text.
Check = Callable[[Path], Iterable["str | tuple[int, str]"]]
#: How many faults of all files are looked for.
_MOST = 20


@dataclass(frozen=True, slots=True)
class Schema:
    """The format of an asset's file or files. What is None is not stated, and matches anything.

    Parameters
    ----------
    extension
        How the file's name ends, such as ``.csv``.
    media_type
        Its media type (RFC 6838), such as ``text/csv``.
    data
        What it holds: types by name, as texts, or mappings of them. A table or JSON is read and
        compared with it; see `asimov.pipeline.data_checks`.
    check
        Returns the faults of a file that an analysis has made. It takes the path, and returns
        texts, or pairs of a line's number and a text.
    """

    extension: str | None = None
    media_type: str | None = None
    data: Mapping[str, Any] | None = None
    check: Check | None = None

    def __str__(self) -> str:
        said = [self.extension or "", self.media_type or ""]
        if self.data is not None:
            said.append(_shown(self.data))
        return " ".join(filter(None, said)) or "any format"


def mismatch(made: Schema | None, wanted: Schema | None) -> str | None:
    """Return in one line why an output does not fit an input, with both sides; None if it does.

    An output may hold more data than the input asks for.
    """
    if made is None or wanted is None:
        return None
    for attribute in ("extension", "media_type"):
        left, right = getattr(made, attribute), getattr(wanted, attribute)
        if left is not None and right is not None and left.lower() != right.lower():
            return f"it is made as {made}, and wanted as {wanted}"
    if made.data is None or wanted.data is None:
        return None
    path = _lacking(made.data, wanted.data)
    if path is None:
        return None
    has, wants = _at(made.data, path), _at(wanted.data, path)
    name = quoted("/".join(path))
    if has is None:
        return f"it is made without {name}, which is wanted as {_shown(wants)}"
    return f"its {name} is made as {_shown(has)}, and wanted as {_shown(wants)}"


def faults_of_files(schema: Schema, files: Iterable[Path], root: Path) -> list[str]:
    """Return what is wrong with files that were made, each with the file and the line.

    Parameters
    ----------
    schema
        What they should be.
    files
        Their paths.
    root
        The folder that the names in the faults start from.
    """
    found: list[str] = []
    for file in files:
        name = line(str(file.relative_to(root) if file.is_relative_to(root) else file))
        if schema.extension is not None and not file.name.lower().endswith(
            schema.extension.lower()
        ):
            found.append(f"{name}: its name should end in {schema.extension}")
            continue
        for fault in _faults(schema, file):
            number, text = fault if isinstance(fault, tuple) else (None, fault)
            where = name if number is None else f"{name}:{int(number)}"
            found.append(f"{where}: {line(str(text))}")
            if len(found) >= _MOST:
                return found
    return found


def _faults(schema: Schema, file: Path) -> Iterator[str | tuple[int, str]]:
    if schema.data is not None and file.is_file():
        yield from faults_of_data(file, schema.data, schema.media_type)
    if schema.check is not None:
        yield from schema.check(file)


def _lacking(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str] | None:
    """Return the path of the first name that is missing or of another type; None if all fit."""
    for name, kind in wanted.items():
        has = made.get(name)
        if isinstance(kind, Mapping) and isinstance(has, Mapping):
            if below := _lacking(has, kind):
                return [name, *below]
        elif has != kind:
            return [name]
    return None


def _at(data: Any, path: list[str]) -> Any:
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _shown(data: Any) -> str:
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in data.items()) + "}"
    return line(str(data))
