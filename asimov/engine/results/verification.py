"""Check the stored results of a project's analyses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from shlex import quote

from asimov.errors import ReportedError
from asimov.journal.keys import Key
from asimov.pipeline.assets import paths_of
from asimov.plugins.methods import guarded
from asimov.project.storage.names import MANIFEST, STORED
from asimov.project.storage.superseded import is_superseded
from asimov.project.storage.verification import Fault, Verified, verify
from asimov.project.workspace import Workspace
from asimov.states import reachable


def verified(
    workspace: Workspace,
    keys: Iterable[Key] | None = None,
    *,
    quick: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Check every stored file of some analyses against its manifest.

    Besides, an analysis whose results are said to be stored must have a manifest, unless it has no
    products.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses; by default all that the store or the ledger has.
    quick
        Whether to trust a file that has the right size and was not written after it was stored.
    progress
        Called after each file that was read, with how many have been and how many will be.
    """
    store = workspace.store
    if keys is None:
        stored = [Key(*each) for each in store.analyses()]
        keys = dict.fromkeys([*workspace.contents.entries, *stored])
    keys = list(keys)
    found = verify(store.root, store.manifest, keys, quick=quick, progress=progress)
    known = {(each.subject, each.analysis) for each in found.faults}
    for key in keys:
        entry = workspace.contents.entries.get(key)
        if entry is None or key in known or workspace.status(key) != "uploaded":
            continue
        if store.manifest(*key):
            continue
        if _was_stored(workspace, key) or _has_products(workspace, key):
            what = "its results are said to be stored, and nothing is"
            found.faults.append(Fault(*key, MANIFEST, "missing", what))
    found.faults.sort()
    return found


def advice(workspace: Workspace, faults: Iterable[Fault]) -> list[str]:
    """Return what to do about faults, a line each, with commands to paste.

    Parameters
    ----------
    workspace
        The open project.
    faults
        What was found.
    """
    again: dict[str, None] = {}
    earlier: dict[str, None] = {}
    strange = restore = False
    for each in faults:
        key = Key(each.subject, each.analysis)
        first = each.name.partition("/")[0]
        if each.kind == "unknown":
            strange = True
        elif is_superseded(first):
            earlier[quote(str(workspace.project.results.joinpath(*key, first)))] = None
        elif key in workspace.contents.entries and _can_run_again(workspace, key):
            again[quote(str(key))] = None
        else:
            restore = True
    found = []
    if again:
        found.append(
            "Restore such files from a copy, or make the results again: "
            f"asimov rerun {' '.join(again)}"
        )
    if restore:
        found.append("Restore the files of analyses that can't run again from a copy")
    if earlier:
        found.append(
            "What later runs superseded is only kept: restore it from a copy, or, if nobody needs "
            f"it, remove it: rm -rf {' '.join(earlier)}"
        )
    if strange:
        found.append("Move what no manifest lists out of the results: asimov has not put it there")
    return found


def _can_run_again(workspace: Workspace, key: Key) -> bool:
    return "restart" in reachable(workspace.status(key), "person")


def _was_stored(workspace: Workspace, key: Key) -> bool:
    record = workspace.records.get(key)
    return record is not None and (record.reason or "").startswith(STORED)


def _has_products(workspace: Workspace, key: Key) -> bool:
    with suppress(ReportedError):
        analysis = workspace.analysis(key)
        with guarded(analysis, "collect_assets"):
            return bool(paths_of(analysis.assets))
    return True
