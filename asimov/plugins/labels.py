"""Labellers: packages that say of an analysis what others may select it by, in ``needs``.

What they say is kept among the analysis's facts, under ``labels``. They are asked about what is
under way, and about what has come into another state since they were asked last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from asimov import entrypoints
from asimov.errors import AsimovError
from asimov.keys import Key
from asimov.plugins.context import Context
from asimov.plugins.crashes import Call
from asimov.plugins.hooks import call, load, tell
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock

#: Labellers that were registered by a call, by their names.
REGISTERED: dict[str, Any] = {}
_PROPERTY = "labelled"
#: After so many failures in a pass a labeller is asked no more in it.
_FAILURES = 10


def label(
    workspace: Workspace, keys: set[Key], report: Callable[[str], None], *, everything: bool
) -> None:
    """Ask every labeller that is installed about the analyses that there is something new of.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses that may be looked at.
    report
        Takes a line for each labeller that fails, and for each label that is new.
    everything
        Whether `keys` are all: then these are not asked about again until something happens.
    """
    if not (REGISTERED or entrypoints.found(entrypoints.LABELLERS)):
        return
    now = clock.now()
    labellers = dict(_labellers(workspace, report))
    since = _since(workspace, sorted(labellers))
    wanted = [
        key for key in workspace.contents.entries if key in keys and _new(workspace, key, since)
    ]
    for name, labeller in labellers.items():
        _ask(workspace, name, labeller, wanted, report)
    if everything:
        told = msgspec.json.encode([now, sorted(labellers)]).decode()
        workspace.journal.set_property(_PROPERTY, told)


def _labellers(workspace: Workspace, report: Callable[[str], None]) -> Iterator[tuple[str, Any]]:
    for name in entrypoints.found(entrypoints.LABELLERS):
        try:
            loaded = load(workspace, entrypoints.LABELLERS, name)
            if isinstance(loaded, type):
                loaded = call(workspace, Call("", "", f"labeller {name}", "__init__"), loaded)
            yield name, loaded
        except AsimovError as error:
            tell(report, f"labeller {name!r}", error)
    yield from REGISTERED.items()


def _since(workspace: Workspace, names: list[str]) -> float:
    """Return when the same labellers were asked about everything; 0 where they never were."""
    try:
        kept = workspace.journal.get_property(_PROPERTY) or ""
        since, before = msgspec.json.decode(kept, type=tuple[float, list[str]])
    except msgspec.MsgspecError:
        return 0
    return since if before == names else 0


def _new(workspace: Workspace, key: Key, since: float) -> bool:
    record = workspace.records.get(key)
    return record is None or record.since >= since or STATES[record.status].active


def _ask(
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
            what = Call("", "", f"labeller {name}", "label")
            labels = call(workspace, what, partial(_labels, labeller, analysis))
            _keep(workspace, analysis, labels)
        except AsimovError as error:
            failures += 1
            if failures == 1:
                report(f"warning: labeller {name!r}: {key}: {error}")
            if failures == _FAILURES:
                report(f"warning: labeller {name!r}: it is asked no more in this pass")
                return


def _labels(labeller: Any, analysis: Analysis) -> dict[str, Any]:
    context = Context(analysis)
    _ = analysis.meta  # made here, inside the call: its defaults may be a package's to import
    should = getattr(labeller, "should_label", None)
    if should is not None and not should(analysis, context):
        return {}
    labels = labeller.label(analysis, context)
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels should be a mapping, and are {type(labels).__name__}")
    return {str(key): value for key, value in labels.items()}


def _keep(workspace: Workspace, analysis: Analysis, labels: dict[str, Any]) -> None:
    if labels:
        before = analysis.meta.get("labels")
        if isinstance(before, list):  # names alone, as the ledger has them, and goes on to have
            before = dict.fromkeys(map(str, before), True)
            analysis.kept_meta["labels"] = dict(before)
        analysis.meta["labels"] = {**(before or {}), **labels}
    workspace.keep(analysis)
    workspace.__dict__.pop("dependencies", None)  # they may go by labels
