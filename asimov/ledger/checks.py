"""What names and analyses must be beyond their shape, in blueprints and in the ledger."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import needs
from asimov.ledger.documents import Document
from asimov.project import PROJECT_ANALYSES
from asimov.states import ALIASES, STATES

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=,@~-]{0,199}")
#: States that an analysis can't begin in: they are about a job that it does not have.
_WITH_JOB = {"running", "processing", "stop", "restart"}


def check_name(name: str, document: Document, path: list[str | int]) -> None:
    """Refuse a name that is no plain file name.

    Parameters
    ----------
    name
        Of a subject or an analysis.
    document, path
        Where that stands.
    """
    if not _NAME.fullmatch(name):
        told = name if len(name) <= 60 else f"{name[:57]}..."
        raise AsimovError(
            f"{told!r} can't be a name: it would not be a plain file name",
            where=document.place([*path, "name"]),
            hint="letters, digits and _.+=,@~- only, with neither a dot nor a dash in front, "
            "200 at most",
        )
    if name == PROJECT_ANALYSES:
        raise AsimovError(
            f"the name {name!r} is asimov's own", where=document.place([*path, "name"])
        )


def check_analysis(data: Mapping[str, Any], document: Document, path: list[str | int]) -> None:
    """Check the needs and the first state of an analysis.

    Parameters
    ----------
    data
        The analysis; it has the shape of one.
    document, path
        Where it stands.
    """
    for key in ("needs", "analyses"):
        for number, item in enumerate(data.get(key) or []):
            try:
                needs.parse([item])
            except AsimovError as error:
                error.where = document.place([*path, key, number])
                raise
    status = data.get("status")
    if status is None:
        return
    name = ALIASES.get(status, status)
    if name not in STATES or name in _WITH_JOB:
        able = [state for state in STATES if state not in _WITH_JOB]
        raise AsimovError(
            f"status: an analysis can't begin as {status!r}",
            where=document.place([*path, "status"]),
            hint=f"it can begin as {', '.join(able)}",
        )


#: The kinds of hooks that a project enables.
HOOKS = ("postmonitor", "applicator", "telemetry")


def strange_hooks(hooks: Mapping[str, Any], document: Document) -> list[str]:
    """Return a note for each kind of hooks that there is not, with the nearest that there is.

    Parameters
    ----------
    hooks
        What a project enables, by kind.
    document
        Where that stands.
    """
    notes = []
    for kind in hooks:
        if kind not in HOOKS:
            near = difflib.get_close_matches(kind, HOOKS, 1)
            notes.append(
                f"{document.place(['hooks', kind])}: there are no hooks of the kind {kind!r}"
                + (f"; did you mean {near[0]!r}?" if near else "")
            )
    return notes
