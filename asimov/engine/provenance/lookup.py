"""Find the record of an attempt by the attempt's name, and its products in the results store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from asimov import text
from asimov.engine.provenance.record import FILE, Provenance, last_run, read
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.journal.records import Attempt
from asimov.project.storage.store import Store
from asimov.project.storage.superseded import is_superseded
from asimov.project.workspace import Workspace
from asimov.system import reading

_NAME = re.compile(r"([^/]+)/(.+?)(?:@(\d{1,9}))?")


def attempt_named(workspace: Workspace, name: str) -> tuple[Key, int | None]:
    """Return the analysis and the number of the attempt that ``SUBJECT/NAME[@N]`` names.

    Raises
    ------
    AsimovError
        If it names no analysis of the ledger.
    """
    match = _NAME.fullmatch(name)
    subject, _, whole = name.partition("/")
    if (key := Key(subject, whole)) in workspace.contents.entries:
        return key, None  # the name of an analysis may have an @ in it
    if match is None:
        raise AsimovError(
            f"{text.quoted(name)} is not the name of an analysis",
            hint="write SUBJECT/NAME or SUBJECT/NAME@N",
        )
    return workspace.key(match[1], match[2]), int(match[3]) if match[3] else None


def record_of(
    workspace: Workspace, key: Key, number: int | None = None
) -> tuple[Attempt, Provenance]:
    """Return an attempt, by default the last one of an analysis, and what it ran with.

    Raises
    ------
    AsimovError
        If there is no such attempt, or what it ran with was not recorded.
    """
    attempts = workspace.journal.attempts(key)
    if number is None:
        run = last_run(workspace.journal, key)
        if run is not None:
            return run
        if not attempts:
            raise AsimovError(f"{key} has not run")
        raise AsimovError(f"what {key} ran with was not recorded")
    for each in attempts:
        if each.number == number:
            found = read(ProvenanceRecords(workspace.journal), each.uid)
            if found is None:
                raise AsimovError(f"what {key}@{number} ran with was not recorded")
            return each, found
    numbers = ", ".join(str(each.number) for each in attempts)
    raise AsimovError(
        f"{key} has no attempt {number}",
        hint=f"its attempts: {numbers}" if numbers else "it has not run",
    )


def stored_results(store: Store, key: Key, uid: str) -> Path | None:
    """Return the folder of the store that has the products of an attempt; None if none has.

    Products that were superseded since are in a folder of their own.
    """
    folder = store.root / key.subject / key.name
    old = [each for each in folder.iterdir() if is_superseded(each.name)] if folder.is_dir() else []
    return next((each for each in [folder, *sorted(old)] if _made_by(each / FILE) == uid), None)


def attempt_stored(store: Store, key: Key) -> str:
    """Return the identity of the attempt whose products the store has now; empty if not known."""
    return _made_by(store.root / key.subject / key.name / FILE) or ""


def products_in(folder: Path) -> dict[str, Any]:
    """Return the entries of the products in a folder of the store, by path.

    Raises
    ------
    AsimovError
        If the folder's manifest is damaged.
    """
    manifest = Store(folder.parent.parent).manifest(folder.parent.name, folder.name)
    return {path: entry for path, entry in manifest.items() if path != FILE}


def _made_by(record: Path) -> str | None:
    try:
        data = msgspec.json.decode(reading.contents(record))
    except (OSError, AsimovError, msgspec.MsgspecError):
        return None
    uid = data.get("uid") if isinstance(data, dict) else None
    return uid if isinstance(uid, str) else None
