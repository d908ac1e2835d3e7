"""New texts of ledger files, with people's layout and comments kept as far as possible."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from asimov.errors import AsimovError
from asimov.ledger.documents import dump
from asimov.ledger.edit import edited
from asimov.ledger.layout import parse
from asimov.ledger.store import LedgerFiles


class Texts(NamedTuple):
    """The texts of the files that a change writes, by path; None where there is no file.

    Attributes
    ----------
    before, after
        The texts before and after the change.
    comments_lost
        The files that lose comments, since they have to be rewritten.
    """

    before: dict[str, str | None]
    after: dict[str, str | None]
    comments_lost: list[str]


def new_texts(
    files: LedgerFiles,
    documents: Mapping[str, dict[str, Any] | None],
    exact: Mapping[str, str | None] | None = None,
) -> Texts:
    """Return the texts of ledger files with other content.

    Parameters
    ----------
    files
        The ledger.
    documents
        The new content of each file, by its path; None if the file is to be deleted.
    exact
        The new texts of those files for which they are known already.
    """
    texts = Texts({}, {}, [])
    for path, data in documents.items():
        old = texts.before[path] = files.text(path)
        if data is None or (exact and path in exact):
            texts.after[path] = exact.get(path) if exact else None
            continue
        kept = _appended(path, old, data) or _edited(path, old, data)
        texts.after[path] = kept or dump(data)
        if kept is None and old and "#" in old:
            texts.comments_lost.append(path)
    return texts


def _edited(path: str, old: str | None, data: Mapping[str, Any]) -> str | None:
    """Return the old text with its values changed in their places; None if that is not possible."""
    try:
        text = edited(old, data) if old else None
        return text if text is not None and _is_same(parse(path, text, path), data) else None
    except AsimovError:
        return None


def _is_same(one: Any, other: Any) -> bool:
    """Return whether data is the same; unlike for Python, 1, 1.0 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return repr(one) == repr(other)


def _appended(path: str, old: str | None, data: Mapping[str, Any]) -> str | None:
    """Return the old text with the additions at its end; None if that is not possible.

    So the layout and the comments of a file are kept.
    """
    if not old:
        return None
    try:
        before = parse(path, old, path, partial=True)
    except AsimovError:
        return None
    text = old if old.endswith("\n") else old + "\n"
    new = {key: value for key, value in data.items() if key not in before}
    have, want = before.get("analyses") or [], data.get("analyses") or []
    grown = path.startswith("subjects/") and have and len(want) > len(have)
    if not new and not grown:
        return None
    if grown and new:
        return None
    addition = dump(want[len(have) :]) if grown else dump(new)
    for indent in ("", "  ", "    ") if grown else ("",):
        longer = text + textwrap.indent(addition, indent)
        try:
            if parse(path, longer, path) == data:
                return longer
        except AsimovError:
            continue
    return None
