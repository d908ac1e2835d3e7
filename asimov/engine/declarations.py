"""What pipelines declare, read by commands: their code is contained as every plugin's is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from asimov import declared, plugins
from asimov.engine.calling import Call
from asimov.engine.capture import Capture
from asimov.engine.containment import contained, late, limit_of
from asimov.engine.guard import by_person
from asimov.engine.requirements import unprovided
from asimov.engine.terms import vocabulary_terms
from asimov.errors import AsimovError
from asimov.ledger.contents import Contents
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.needs import Key
from asimov.ledger.plan import Planner
from asimov.workspace import Workspace

_capture = Capture()


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
        print(line, file=sys.stderr)

    @cache
    def known(pipeline: str) -> declared.Declared:
        error = import_published(workspace, pipeline)
        if error is not None:
            warn(f"warning: {error}\n  {error.hint}")
            return ()
        found = declared.known_settings(pipeline, warn)
        if isinstance(found, type):
            return found
        return (*found, *vocabulary_terms(workspace, pipeline, warn))

    def started(key: Key) -> bool:
        return workspace.status(key) not in {"ready", "wait", "manual"}

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
    group = plugins.SETTINGS
    if plugins.find(group, pipeline) is None:
        group = plugins.PIPELINES
        if not whole or plugins.find(group, pipeline) is None:
            return None
    error = _imported(workspace, pipeline, group)
    if error is not None:
        declared.GIVEN_UP.add(pipeline)
    return error


def _imported(workspace: Workspace, pipeline: str, group: str) -> AsimovError | None:
    limit = limit_of(workspace)
    what = Call("", "", pipeline, "settings" if group == plugins.SETTINGS else "import")
    _capture.start()
    try:
        with contained(workspace, what, limit):
            plugins.load(group, pipeline)
            declared.published(pipeline)
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
        f"{'/'.join(key)}: no analysis that it uses declares to make its input {asset!r}"
        for key in new
        for asset in unprovided(contents, graph, key, _at_hand)
    ]


def _at_hand(pipeline: str) -> Any:
    """Return a pipeline's class if its module is imported or asimov's own, and None otherwise."""
    point = plugins.find(plugins.PIPELINES, pipeline)
    if point is None:
        return None
    module = point.value.partition(":")[0]
    if module not in sys.modules and not module.startswith("asimov.pipelines."):
        return None
    try:
        return plugins.load(plugins.PIPELINES, pipeline)
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
    for pipeline in plugins.found(plugins.PIPELINES):
        _capture.start()
        try:
            found = declared.published(pipeline) or declared.of_class(
                plugins.load(plugins.PIPELINES, pipeline)
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
