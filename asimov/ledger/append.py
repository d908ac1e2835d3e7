"""Write ledger files by appending where possible, to keep people's layout and comments."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger.documents import dump
from asimov.ledger.store import LedgerFiles, parse


def write(files: LedgerFiles, documents: Mapping[str, dict[str, Any]]) -> list[str]:
    """Write ledger files; the caller holds the ledger's lock.

    Parameters
    ----------
    files
        The ledger.
    documents
        The new content of each file, by its path.

    Returns
    -------
    list of str
        The files that lost comments, since they had to be rewritten.
    """
    texts = {}
    lost = []
    for path, data in documents.items():
        old = files.text(path)
        texts[path] = _appended(path, old, data) or dump(data)
        if old and "#" in old and not texts[path].startswith(old):
            lost.append(path)
    files.write(texts, documents)
    return lost


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
