"""What pipelines declare, read by commands: their code is contained as every plugin's is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from asimov import entrypoints, text
from asimov.errors import AsimovError
from asimov.keys import Key
from asimov.ledger.contents import Contents
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.plan import Planner
from asimov.mappings import merge
from asimov.pipeline import Pipeline
from asimov.plugins.containment import contained, late, limit_of
from asimov.plugins.crashes import Call
from asimov.plugins.methods import by_person
from asimov.plugins.output import Capture
from asimov.plugins.requirements import faults_found, finds_faults, unprovided
from asimov.plugins.terms import vocabulary_terms
from asimov.project.workspace import Workspace
from asimov.settings import Fault, lookup

_capture = Capture()

#: States of analyses that have not begun, and must be what their pipelines declare.
NOT_STARTED = frozenset({"ready", "wait", "manual"})


def planner(workspace: Workspace, subject: str | None, update: bool) -> Planner:
    """Return a planner of changes of the ledger that checks them against declared settings.

    Parameters
    ----------
    workspace
        The open project.
    subject, update
        As of `asimov.ledger.plan.Planner`.
    """

    def warn(line: str) -> None:
        print(text.line(line), file=sys.stderr)

    @cache
    def known(pipeline: str) -> lookup.Declared:
        error = import_published(workspace, pipeline)
        if error is not None:
            warn(f"warning: {error}")
            if error.hint:
                warn(f"  {error.hint}")
            return ()
        found = lookup.known_settings(pipeline, warn)
        if isinstance(found, type):
            return found
        return (*found, *vocabulary_terms(workspace, pipeline, warn))

    def started(key: Key) -> bool:
        return workspace.status(key) not in NOT_STARTED

    return Planner(
        workspace.contents, known, subject, update, facts=workspace.facts, started=started
    )


def import_published(
    workspace: Workspace, pipeline: str, *, whole: bool = False
) -> AsimovError | None:
    """Import the settings class that is published for a pipeline, so that it is at hand.

    Parameters
    ----------
    workspace
        The open project.
    pipeline
        The pipeline's name.
    whole
        Whether to import the pipeline itself where nothing is published for it.

    Returns
    -------
    AsimovError or None
        Why it can't be used.
    """
    group = entrypoints.SETTINGS
    if entrypoints.find(group, pipeline) is None:
        group = entrypoints.PIPELINES
        if not whole or entrypoints.find(group, pipeline) is None:
            return None
    error = _imported(workspace, pipeline, group)
    if error is not None:
        lookup.GIVEN_UP.add(pipeline)
    return error


def _imported(workspace: Workspace, pipeline: str, group: str) -> AsimovError | None:
    limit = limit_of(workspace)
    what = Call("", "", pipeline, "settings" if group == entrypoints.SETTINGS else "import")
    _capture.start()
    try:
        with contained(workspace, what, limit):
            entrypoints.load(group, pipeline)
            lookup.published(pipeline)
    except BaseException as error:
        if by_person(error, limit):
            raise
        if isinstance(error, AsimovError) and not limit.over:
            return error
        return _unusable(pipeline, late(what, limit) or str(error))
    finally:
        _capture.stop()
    return _unusable(pipeline, over) if (over := late(what, limit)) else None


def _unusable(pipeline: str, why: str) -> AsimovError:
    return AsimovError(
        f"the settings that the pipeline {pipeline!r} declares can't be used: {why}",
        hint="mend or remove its package",
    )


def asset_notes(contents: Contents, new: Iterable[Key]) -> list[str]:
    """Return a note for each new analysis that needs an asset which nothing it uses declares.

    No pipeline is imported for this that is not yet: `asimov why` tells it in any case.

    Parameters
    ----------
    contents
        The ledger with the new analyses.
    new
        The analyses.
    """
    graph = Dependencies(
        contents, lambda key: contents.settings(contents.entries[key], {}), lambda _: "ready"
    )
    return [
        f"{key}: no analysis that it uses declares to make its input {asset!r}"
        for key in new
        for asset in unprovided(contents, graph, key, _at_hand)
    ]


def fault_notes(workspace: Workspace, made: Planner) -> list[str]:
    """Return a note for each thing that pipelines find wrong with the settings of new analyses.

    The blueprint is taken all the same: what is missing may follow. A build refuses it. No pipeline
    is imported for this that is not yet.

    Parameters
    ----------
    workspace
        The open project.
    made
        A planner that has planned some blueprints.
    """
    first: dict[Fault, Key] = {}
    count: Counter[Fault] = Counter()
    for kind, pipeline, keys in _by_pipeline(workspace, made):
        for key, fault in _faults(workspace, made.contents, kind, pipeline, keys):
            first.setdefault(fault, key)
            count[fault] += 1
    return [_fault_note(made, key, fault, count[fault]) for fault, key in first.items()]


def _by_pipeline(
    workspace: Workspace, made: Planner
) -> Iterator[tuple[type[Pipeline], str, list[Key]]]:
    """Yield each pipeline that finds faults, with the named analyses that have not begun."""
    keys: dict[str, list[Key]] = {}
    for key in made.named:
        if key not in workspace.records or workspace.status(key) in NOT_STARTED:
            keys.setdefault(made.contents.entries[key].pipeline, []).append(key)
    for pipeline, its in keys.items():
        kind = _at_hand(pipeline)
        if finds_faults(kind):
            yield kind, pipeline, its


def _faults(
    workspace: Workspace, contents: Contents, kind: type[Pipeline], pipeline: str, keys: list[Key]
) -> list[tuple[Key, Fault]]:
    """Return what a pipeline finds wrong; where it raises, a build says so."""
    root = workspace.project.root
    found: list[tuple[Key, Fault]] = []
    limit = limit_of(workspace)
    _capture.start()
    try:
        # Containing each call of thousands would cost more than the calls.
        with contained(workspace, Call("", "", pipeline, "settings_faults"), limit):
            for key in keys:
                layers = contents.layers(contents.entries[key], workspace.facts)
                settings = merge(layer for _, layer in layers)
                found += [(key, fault) for fault in faults_found(kind, settings, root)]
    except BaseException as error:
        if by_person(error, limit):
            raise
    finally:
        _capture.stop()
    return found


def _fault_note(made: Planner, key: Key, fault: Fault, count: int) -> str:
    more = f" and {count - 1} more" if count > 1 else ""
    hint = f"; {fault.hint}" if fault.hint else ""
    place = made.place(key, fault.path)
    return f"{place}: {key}{more} can't be built as it is: {fault}{hint}"


def _at_hand(pipeline: str) -> Any:
    """Return a pipeline's class if its module is imported or asimov's own, and None otherwise."""
    point = entrypoints.find(entrypoints.PIPELINES, pipeline)
    if point is None:
        return None
    module = point.value.partition(":")[0]
    if module not in sys.modules and not module.startswith("asimov.pipelines."):
        return None
    try:
        return entrypoints.load(entrypoints.PIPELINES, pipeline)
    except AsimovError:
        return None


def settings_classes(warn: Callable[[str], None]) -> dict[str, type]:
    """Return the settings class of every installed pipeline that declares one; imports them all.

    Parameters
    ----------
    warn
        Takes one line about each that can't be used.
    """
    classes = {}
    for pipeline in entrypoints.found(entrypoints.PIPELINES):
        _capture.start()
        try:
            found = lookup.published(pipeline) or lookup.of_class(
                entrypoints.load(entrypoints.PIPELINES, pipeline)
            )
        except AsimovError as error:
            found = None
            told: AsimovError | None = error
        else:
            told = None
        finally:
            _capture.stop()
        if told is not None:
            warn(f"warning: {told}")
        if found is not None:
            classes[pipeline] = found
    return classes
