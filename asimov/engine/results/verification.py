"""Check the stored results of a project's analyses."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from shlex import quote

from asimov.errors import ReportedError
from asimov.journal.keys import Key
from asimov.journal.results import Damage, Damages
from asimov.pipeline.assets import paths_of
from asimov.plugins.methods import guarded
from asimov.project.storage.names import MANIFEST, STORED
from asimov.project.storage.superseded import is_superseded
from asimov.project.storage.verification import Fault, Verified, stamp, verify
from asimov.project.workspace import Workspace
from asimov.states import reachable


def verified(
    workspace: Workspace,
    keys: Iterable[Key] | None = None,
    *,
    quick: bool = False,
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
    """
    store = workspace.store
    if keys is None:
        stored = [Key(*each) for each in store.analyses()]
        keys = dict.fromkeys([*workspace.contents.entries, *stored])
    keys = list(keys)
    found = verify(store.root, store.manifest, keys, quick=quick)
    known = {(each.subject, each.analysis) for each in found.faults}
    for key in keys:
        entry = workspace.contents.entries.get(key)
        if entry is None or key in known or workspace.status(key) != "uploaded":
            continue
        if store.manifest(*key):
            continue
        if _was_stored(workspace, key) or _has_products(workspace, key):
            what = "its results are recorded as stored, but nothing is stored"
            found.faults.append(Fault(*key, MANIFEST, "missing", what))
    found.faults.sort()
    return found


def record(
    workspace: Workspace, checked: Iterable[Key], faults: Iterable[Fault], *, quick: bool = False
) -> None:
    """Record which results of analyses are damaged, for ``asimov status`` and others.

    Nothing is written where nothing is damaged and no damage was known. Otherwise the project is
    opened a second time, to write: whoever may only read it can still check the results.

    Parameters
    ----------
    workspace
        The open project.
    checked
        The analyses whose results were checked.
    faults
        What was found.
    quick
        Whether the check has read only some files; what is known of the others stands.

    Raises
    ------
    AsimovError
        If it can't be recorded.
    """
    store = workspace.store
    found: dict[Key, list[Damage]] = {}
    for each in faults:
        key = Key(each.subject, each.analysis)
        if each.kind != "unknown" and not is_superseded(each.name.partition("/")[0]):
            place = stamp(store.root.joinpath(*key, each.name))
            found.setdefault(key, []).append(Damage(each.name, each.detail, place))
    known = Damages(workspace.journal).all()
    for key, earlier in known.items() if quick else ():
        names = {each.name for each in found.get(key, ())}
        same = [
            each
            for each in earlier
            if each.name not in names and stamp(store.root.joinpath(*key, each.name)) == each.stamp
        ]
        if same:
            found[key] = sorted([*found.get(key, ()), *same])
    changed = {key for key in checked if found.get(key) != known.get(key)}
    if changed:
        acting = Workspace.open(workspace.project.root)
        with closing(acting.journal):
            news = {key: each for key, each in found.items() if key in changed}
            Damages(acting.journal).replace(changed, news)


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
            "Restore such files from a backup, or make the results again: "
            f"asimov rerun {' '.join(again)}"
        )
    if restore:
        found.append("Restore the files of analyses that can't run again from a backup")
    if earlier:
        found.append(
            "Nothing uses results that later runs superseded: restore them from a backup or, "
            f"if nobody needs them, remove them: rm -rf {' '.join(earlier)}"
        )
    if strange:
        found.append(
            "Move files that no manifest lists out of the results: asimov did not put them there"
        )
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
