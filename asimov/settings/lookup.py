"""What installed pipelines declare of their settings, found without importing more than needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asimov import entrypoints
from asimov.errors import AsimovError
from asimov.logs import logger
from asimov.settings import check

#: What a pipeline declares: a settings class, or names only, or nothing.
Declared = type | tuple[str, ...]


def published(pipeline: str) -> type | None:
    """Return the settings class that a package publishes for a pipeline, without the pipeline.

    Raises
    ------
    AsimovError
        Where it can't be loaded or used, with whose it is.
    """
    if entrypoints.find(entrypoints.SETTINGS, pipeline) is None:
        return None
    settings = entrypoints.load(entrypoints.SETTINGS, pipeline)
    try:
        return _usable(settings)
    except AsimovError as error:
        raise AsimovError(
            f"the settings that the pipeline {pipeline!r} declares can't be used: {error}",
            hint="mend or remove its package",
        ) from error


def of_class(pipeline: Any) -> type | None:
    """Return the settings class that a pipeline's class names, if it names one.

    Raises
    ------
    AsimovError
        Where it can't be used.
    """
    settings = getattr(pipeline, "settings", None)
    return _usable(settings) if isinstance(settings, type) else None


def _usable(settings: Any) -> type:
    check(settings)
    assert isinstance(settings, type)
    return settings


def settings_of(pipeline: str) -> type | None:
    """Return the settings class of a pipeline; imports the pipeline unless it is published.

    What can't be loaded declares nothing: whoever builds or submits the analysis is told.
    """
    if pipeline in GIVEN_UP:
        return None
    for find in (published, _of_loaded):
        try:
            if (settings := find(pipeline)) is not None:
                return settings
        except AsimovError as error:
            if str(error) not in _told:
                _told.add(str(error))
                logger().warning("%s", error)
    return None


_told: set[str] = set()
#: Pipelines whose package did not load where that was contained, such as one that hangs: it is not
#: tried again where it is not.
GIVEN_UP: set[str] = set()


def _of_loaded(pipeline: str) -> type | None:
    return of_class(entrypoints.load(entrypoints.PIPELINES, pipeline))


def known_settings(pipeline: str, warn: Callable[[str], None]) -> Declared:
    """Return what can be known of a pipeline's settings without importing somebody's package.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    warn
        Takes one line about declared settings that can't be used.

    Raises
    ------
    PluginError
        Where there is no such pipeline.
    """
    point = entrypoints.find(entrypoints.PIPELINES, pipeline)
    if point is None:
        raise entrypoints.unknown(entrypoints.PIPELINES, pipeline)
    try:
        if (settings := published(pipeline)) is not None:
            return settings
    except AsimovError as error:
        warn(f"warning: {error}")
        if error.hint:
            warn(f"  {error.hint}")
        return ()
    if not point.value.startswith("asimov.pipelines."):
        return ()
    own = entrypoints.load(entrypoints.PIPELINES, pipeline).settings
    return own if isinstance(own, (type, tuple)) else ()
