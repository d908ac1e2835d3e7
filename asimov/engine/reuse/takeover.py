"""Find stored results by their fingerprints, and let analyses take over their products."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from asimov.engine.provenance.record import FILE, Provenance, write_quickly
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.validity import is_reused
from asimov.logs import logger
from asimov.project.analysis import Analysis
from asimov.project.layout import CLEANED_FILE
from asimov.project.storage.assets import KEY as ASSETS
from asimov.project.storage.store import Store
from asimov.project.storage.superseded import is_superseded, last_number
from asimov.project.workspace import Workspace, workspace_of
from asimov.system import clock, reading
from asimov.system.files import write_atomically

#: The stage of an attempt that took over products instead of running a job.
STAGE = "reuse"


class _Record(msgspec.Struct):
    """What this module reads of a record."""

    uid: str
    analysis: str
    number: int
    fingerprint: str = ""
    end: dict[str, Any] = {}
    assets: dict[str, Any] = {}
    reused: dict[str, str] = {}


class Match(NamedTuple):
    """A stored result.

    Attributes
    ----------
    folder
        Where it is.
    owner
        The subject, and the analysis with its folder of superseded results if it is in one: as the
        store names them.
    made_by
        The attempt that made it, as ``subject/name@number``.
    uid
        The attempt's identity.
    end, assets
        How that attempt ended, and its products by name, as the record has them.
    """

    folder: Path
    owner: Key
    made_by: str
    uid: str
    end: dict[str, Any]
    assets: dict[str, Any]


class StoredResults:
    """The finished results of a store, by fingerprint; read on first use.

    Parameters
    ----------
    store
        The results store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, list[Match]] | None = None

    def matching(self, fingerprint: str) -> list[Match]:
        """Return the results with a fingerprint, present ones before superseded ones."""
        if self._found is None:
            self._found = {}
            for folder in self._store.folders():
                if match := _read(folder, self._store.root):
                    self._found.setdefault(match[0], []).append(match[1])
        return self._found.get(fingerprint, [])


def _read(folder: Path, root: Path) -> tuple[str, Match] | None:
    try:
        text = reading.contents(folder / FILE)
        found = msgspec.json.decode(text, type=_Record)
    except (OSError, AsimovError, msgspec.MsgspecError):
        return None
    if not found.fingerprint or not found.end:
        return None
    inside = folder.relative_to(root)
    owner = Key(inside.parts[0], "/".join(inside.parts[1:]))
    made_by = found.reused.get("from") or f"{found.analysis}@{found.number}"
    match = Match(folder, owner, made_by, found.uid, found.end, found.assets)
    return found.fingerprint, match


class Takeovers:
    """The results that the analyses of one submission take over.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lease.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._results = StoredResults(self._store)
        self._taken: dict[str, Match] = {}

    def taken(self, uid: str) -> Match | None:
        """Return what an attempt has taken over; None if it runs a job."""
        return self._taken.get(uid)

    def take_over(self, analysis: Analysis, found: Provenance | None) -> bool:
        """Take over a result that was made with the same fingerprint, if there is one.

        All its files are checked first. When this returns True, all of it is in the analysis's
        folder of the store, on disk, and nothing is to be submitted.

        Parameters
        ----------
        analysis
            The analysis, built and about to be submitted.
        found
            What the attempt would run with; None if that could not be found out.
        """
        if found is None or not found.fingerprint or not is_reused(analysis.meta):
            return False
        if _is_to_run(analysis):
            return False
        for match in self._results.matching(found.fingerprint):
            try:
                if not self._is_whole(match):
                    why = "is not reused: see 'asimov store verify'"
                    logger().warning("%s: what %s made %s", analysis.key, match.made_by, why)
                    continue
                self._take(analysis, match)
            except (AsimovError, OSError, ValueError) as error:
                logger().warning("%s: can't reuse %s: %s", analysis.key, match.made_by, error)
                continue
            self._taken[found.uid] = match
            return True
        return False

    def _take(self, analysis: Analysis, match: Match) -> None:
        rundir = Path(analysis.rundir)
        reused = {"from": match.made_by, "attempt": match.uid, "taken": clock.iso()}
        record = json.loads(reading.contents(rundir / FILE))
        record |= {"end": match.end, ASSETS: match.assets, "reused": reused}
        write_quickly(str(rundir / FILE), json.dumps(record, indent=2) + "\n")
        folder, own = match.folder, self._store.root.joinpath(*analysis.key)
        # A crash came after an earlier takeover, or the analysis was removed and added again.
        if self._store.manifest(*analysis.key):
            self._store.replace(*analysis.key)
            if folder == own:
                folder = own / f"superseded-{last_number(own)}"
        self._store.take_over(*analysis.key, folder, match.made_by, rundir / FILE)
        # From here on its products are those in the store.
        write_atomically(rundir / CLEANED_FILE, json.dumps({"reused": reused}) + "\n")

    def _is_whole(self, match: Match) -> bool:
        """Check every file of a stored result."""
        faults = self._store.verify(*match.owner)
        return all(is_superseded(each.name.partition("/")[0]) for each in faults)


def _is_to_run(analysis: Analysis) -> bool:
    """Return whether a person or a rule asked for a new run, by restarting the analysis."""
    events = workspace_of(analysis).journal.events(*analysis.key)
    ready = [each for each in events if each.after == "ready"]
    return bool(ready) and ready[-1].before == "restart"


def why(match: Match) -> str:
    """Return the reason of the analysis's new state."""
    return (
        f"reused the products of {match.made_by}, whose run was identical (setting 'reuse'): "
        "nothing was run"
    )
