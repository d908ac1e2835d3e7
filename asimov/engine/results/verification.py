"""Check the stored results of a project's analyses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from asimov.errors import ReportedError
from asimov.journal.keys import Key
from asimov.pipeline.assets import paths_of
from asimov.plugins.methods import guarded
from asimov.project.storage.names import MANIFEST, STORED
from asimov.project.storage.store import Store
from asimov.project.storage.verification import Fault, Verified, verify
from asimov.project.workspace import Workspace


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
    store = Store(workspace.project.results)
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


def _was_stored(workspace: Workspace, key: Key) -> bool:
    record = workspace.records.get(key)
    return record is not None and (record.reason or "").startswith(STORED)


def _has_products(workspace: Workspace, key: Key) -> bool:
    with suppress(ReportedError):
        analysis = workspace.analysis(key)
        with guarded(analysis, "collect_assets"):
            return bool(paths_of(analysis.assets))
    return True
