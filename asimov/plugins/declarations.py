"""Read the settings that pipelines declare; what their code raises does no harm."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from asimov import text
from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.planner import Planner
from asimov.ledger.spelling.names import Spelling
from asimov.pipelines.setting_names import READERS
from asimov.plugins.calls import third_party
from asimov.plugins.crashes import Call
from asimov.plugins.declared_names import reserved_names
from asimov.plugins.mentions import mentions
from asimov.plugins.output import captured
from asimov.plugins.vocabulary import vocabulary_terms
from asimov.project.workspace import Workspace
from asimov.scheduler.languages.submit_commands import COMMANDS
from asimov.settings import lookup

#: States of analyses that have not started, whose settings can still be refused.
NOT_STARTED = frozenset({"ready", "wait", "manual"})


def planner(
    workspace: Workspace,
    subject: str | None,
    update: bool,
    *,
    replace: bool = False,
    force: bool = False,
) -> Planner:
    """Return a planner of ledger changes that checks them against declared settings.

    Parameters
    ----------
    workspace
        The open project.
    subject, update, replace
        As for `asimov.ledger.planner.Planner`.
    force
        Whether to accept names that are surely misspelt.
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
            return {}
        found = lookup.known_settings(pipeline, warn)
        if isinstance(found, type):
            return found
        for name in () if found else reserved_names(pipeline):
            warn(
                f"warning: the pipeline {pipeline!r} declares the setting {name!r}, which is "
                "a key of every analysis: builds will fail"
            )
        return {**dict.fromkeys(vocabulary_terms(workspace, pipeline, warn), ""), **found}

    def started(key: Key) -> bool:
        return workspace.status(key) not in NOT_STARTED

    @cache
    def stock(pipeline: str) -> bool:
        return getattr(class_if_loaded(pipeline), "refuses_misspelt", False) is True

    def used(name: str, pipeline: str | None) -> bool:
        return mentions(pipeline, name)

    return Planner(
        workspace.contents,
        known,
        subject,
        update,
        facts=workspace.facts,
        started=started,
        replace=replace,
        look=Spelling(known, stock, force=force, used=used, commands=COMMANDS, readers=READERS),
    )


def import_published(
    workspace: Workspace, pipeline: str, *, whole: bool = False
) -> AsimovError | None:
    """Import the settings class that is published for a pipeline, and return what went wrong.

    Parameters
    ----------
    workspace
        The open project.
    pipeline
        The pipeline's name.
    whole
        Whether to import the pipeline itself where no settings class is published for it.

    Returns
    -------
    AsimovError or None
        Why the settings can't be used.
    """
    group = entrypoints.SETTINGS
    if entrypoints.find(group, pipeline) is None:
        group = entrypoints.PIPELINES
        if not whole or entrypoints.find(group, pipeline) is None:
            return None
    call = Call.of_plugin(pipeline, "settings" if group == entrypoints.SETTINGS else "import")
    failed = partial(_unusable, pipeline)
    try:
        with captured(), third_party(workspace, call, failed, passing=(AsimovError,)):
            entrypoints.load(group, pipeline)
            lookup.published(pipeline)
    except AsimovError as error:
        lookup.GIVEN_UP.add(pipeline)
        return error
    return None


def _unusable(pipeline: str, cause: BaseException | str) -> AsimovError:
    return AsimovError(
        f"the settings that the pipeline {pipeline!r} declares can't be used: {cause}",
        hint="upgrade or remove its package, or report this to its author",
    )


def class_if_loaded(pipeline: str) -> Any:
    """Return a pipeline's class if its module is already imported or asimov's own, or None."""
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
    """Import all installed pipelines, and return the settings classes that they declare.

    It needs no project, and so only keeps what they print out of the output.

    Parameters
    ----------
    warn
        Takes a line about each pipeline that can't be loaded.
    """
    classes = {}
    for pipeline in entrypoints.found(entrypoints.PIPELINES):
        try:
            with captured():
                found = lookup.published(pipeline) or lookup.of_class(
                    entrypoints.load(entrypoints.PIPELINES, pipeline)
                )
        except AsimovError as error:
            warn(f"warning: {error}")
            continue
        if found is not None:
            classes[pipeline] = found
    return classes
