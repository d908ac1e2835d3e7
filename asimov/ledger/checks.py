"""Checks of names, text, needs and states in blueprints and ledger files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import needs
from asimov.ledger.documents import Document, Mistake
from asimov.ledger.spelling.slips import near_miss
from asimov.states import ALIASES, STATES
from asimov.text import did_you_mean, quoted

#: Keys of mappings and indices of lists, from the top of a document.
Path = Sequence[str | int]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=,@~-]{0,199}")
#: Endings of the names of kept run directories; see `asimov.project.storage.superseded`.
_OF_KEPT = re.compile(r"\.(?:superseded-[0-9]+|unsubmitted)$")
#: States that an analysis can't begin in, because they imply a job.
_WITH_JOB = {"running", "processing", "stop", "restart"}


#: Escapes of a NUL in YAML; the reader refuses an unescaped one.
_NUL = ("\\0", "\\x00", "\\u0000", "\\U00000000")


@lru_cache(maxsize=1)  # of a stream of thousands of documents
def _may_have_nul(text: str) -> bool:
    return any(escape in text for escape in _NUL)


def check_text(document: Document) -> None:
    """Refuse text with a NUL, which can't be passed to files or programs."""
    if not _may_have_nul(document.text):
        return
    todo: list[tuple[list[str | int], Any]] = [([], document.data)]
    while todo:
        path, value = todo.pop()
        inside = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, each in inside:
            if "\0" in str(key) or (isinstance(each, str) and "\0" in each):
                raise Mistake("contains a NUL character", [*path, key])
            if isinstance(each, (Mapping, list)):
                todo.append(([*path, key], each))


def check_name(name: str, path: Path = ()) -> None:
    """Refuse a name that is no plain file name, or that asimov reserves.

    Parameters
    ----------
    name
        The name of a subject or an analysis.
    path
        Where the subject or analysis is in its document.

    Raises
    ------
    Mistake
        With the path of the name.
    """
    if not _NAME.fullmatch(name):
        raise Mistake(
            f"{quoted(name, 60)} can't be a name: it would not be a plain file name",
            [*path, "name"],
            "use at most 200 letters, digits and _.+=,@~-, and don't begin with a dot or a dash",
        )
    if name == PROJECT_ANALYSES:
        raise Mistake(f"the name {name!r} is reserved by asimov", [*path, "name"])
    if ending := _OF_KEPT.search(name):
        raise Mistake(
            f"the name {quoted(name, 60)} ends in {ending[0]!r}, which asimov reserves for "
            "folders of earlier runs",
            [*path, "name"],
            "choose a name without this ending",
        )


def check_analysis(data: Mapping[str, Any], path: Path = ()) -> None:
    """Check the name, the needs and the first state of an analysis.

    Parameters
    ----------
    data
        The analysis; it has the shape of one.
    path
        Where it is in its document.

    Raises
    ------
    Mistake
        With the path of what is wrong.
    """
    check_name(data["name"], path)
    for key in ("needs", "analyses"):
        for number, item in enumerate(data.get(key) or []):
            try:
                needs.parse([item])
            except AsimovError as error:
                raise Mistake(error.message, [*path, key, number], error.hint) from error
    status = data.get("status")
    if status is None:
        return
    name = ALIASES.get(status, status)
    if name not in STATES or name in _WITH_JOB:
        able = [state for state in STATES if state not in _WITH_JOB]
        raise Mistake(
            f"status: an analysis can't begin as {status!r}{did_you_mean(status, able)}",
            [*path, "status"],
            f"it can begin as {', '.join(able)}",
        )


def check_needs_itself(key: Key, data: Mapping[str, Any], path: Path = ()) -> None:
    """Refuse an analysis whose needs name it; arguments as of `check_analysis`."""
    for number, item in enumerate(data.get("needs") or []):
        (need,) = needs.parse([item])
        if need.terms in {(needs.Term("name", key[1]),), (needs.Term("name", str(key)),)}:
            raise Mistake(f"{key} needs itself", [*path, "needs", number])


def absent_pipeline(name: str, document: Document) -> str | None:
    """Return a note about settings for a pipeline that is not installed.

    Shared ledgers have settings for more pipelines than each of their users has installed. Return
    None if the pipeline is installed, or if its name resembles that of an installed one.
    """
    installed = frozenset(entrypoints.found(entrypoints.PIPELINES))
    if entrypoints.is_known(entrypoints.PIPELINES, name) or near_miss(name.lower(), installed):
        return None
    return (
        f"{document.place(['pipelines', name])}: the pipeline {quoted(name)} is not "
        "installed here: its settings are kept until it is"
    )
