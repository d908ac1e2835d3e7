"""Labellers: packages that label analyses, for others to select them by in ``needs``.

The labels are stored among the analysis's facts, under ``labels``. Labellers run on analyses that
are under way, and on those whose state changed since the last run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.plugins.calls import call_plugin, instance_of, load_plugin, warn
from asimov.plugins.context import Context
from asimov.plugins.crashes import Call
from asimov.plugins.registry import registered
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock

_PROPERTY = "labelled"
#: A labeller that failed so often in a pass is not called again in that pass.
_FAILURES = 10


def label(workspace: Workspace, keys: set[Key], report: Callable[[str], None]) -> None:
    """Run every labeller on the analyses that changed since its last run.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses to consider. If they are all there are, the next run skips those that have
        not changed.
    report
        Takes a line for each labeller that fails.
    """
    if not (registered(entrypoints.LABELLERS) or entrypoints.found(entrypoints.LABELLERS)):
        return
    now = clock.now()
    labellers = dict(_labellers(workspace, report))
    since = _since(workspace, sorted(labellers))
    wanted = [
        key for key in workspace.contents.entries if key in keys and _new(workspace, key, since)
    ]
    for name, labeller in labellers.items():
        _label(workspace, name, labeller, wanted, report)
    if keys.issuperset(workspace.contents.entries):
        last_run = msgspec.json.encode([now, sorted(labellers)]).decode()
        workspace.journal.set_property(_PROPERTY, last_run)


def _labellers(workspace: Workspace, report: Callable[[str], None]) -> Iterator[tuple[str, Any]]:
    for name in entrypoints.found(entrypoints.LABELLERS):
        try:
            loaded = load_plugin(workspace, entrypoints.LABELLERS, name)
            yield name, instance_of(workspace, f"labeller {name}", loaded)
        except AsimovError as error:
            warn(report, f"labeller {name!r}", error)
    yield from registered(entrypoints.LABELLERS).items()


def _since(workspace: Workspace, names: list[str]) -> float:
    """Return when the same labellers last ran on everything; 0 if they never did."""
    try:
        kept = workspace.journal.get_property(_PROPERTY) or ""
        since, before = msgspec.json.decode(kept, type=tuple[float, list[str]])
    except msgspec.MsgspecError:
        return 0
    return since if before == names else 0


def _new(workspace: Workspace, key: Key, since: float) -> bool:
    record = workspace.records.get(key)
    return record is None or record.since >= since or STATES[record.status].active


def _label(
    workspace: Workspace,
    name: str,
    labeller: Any,
    keys: list[Key],
    report: Callable[[str], None],
) -> None:
    failures = 0
    for key in keys:
        analysis = workspace.analysis(key)
        try:
            call = Call.of_plugin(f"labeller {name}", "label")
            labels = call_plugin(workspace, call, partial(_labels, labeller, analysis))
            _keep(workspace, analysis, labels)
        except AsimovError as error:
            failures += 1
            if failures == 1:
                report(f"warning: labeller {name!r}: {key}: {error}")
            if failures == _FAILURES:
                report(f"warning: labeller {name!r}: failed {failures} times, skipped in this pass")
                return


def _labels(labeller: Any, analysis: Analysis) -> dict[str, Any]:
    context = Context(analysis)
    _ = analysis.meta  # made inside the call: its defaults may import a package
    should = getattr(labeller, "should_label", None)
    if should is not None and not should(analysis, context):
        return {}
    labels = labeller.label(analysis, context)
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels should be a mapping, not {type(labels).__name__}")
    return {str(key): value for key, value in labels.items()}


def _keep(workspace: Workspace, analysis: Analysis, labels: dict[str, Any]) -> None:
    if labels:
        before = analysis.meta.get("labels")
        if isinstance(before, list):  # names alone, as the ledger has and keeps them
            before = dict.fromkeys(map(str, before), True)
            analysis.kept_meta["labels"] = dict(before)
        analysis.meta["labels"] = {**(before or {}), **labels}
    workspace.keep(analysis)
    workspace.__dict__.pop("dependencies", None)  # they may depend on labels
