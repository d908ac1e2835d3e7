"""Find the settings class of a pipeline, importing as little as possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.logs import logger
from asimov.settings import check

#: What a pipeline declares: a settings class, or names, if any, with what they are.
Declared = type | Mapping[str, str]


def published(pipeline: str) -> type | None:
    """Return the settings class that a package publishes for a pipeline, without the pipeline.

    Raises
    ------
    AsimovError
        If it can't be loaded or used; the error names the pipeline.
    """
    if entrypoints.find(entrypoints.SETTINGS, pipeline) is None:
        return None
    settings = entrypoints.load(entrypoints.SETTINGS, pipeline)
    try:
        return _usable(settings)
    except AsimovError as error:
        raise AsimovError(
            f"the settings that the pipeline {pipeline!r} declares can't be used: {error}",
            hint="upgrade or remove its package, or report this to its author",
        ) from error


def of_class(pipeline: Any) -> type | None:
    """Return the settings class that is an attribute of a pipeline class, or None.

    Raises
    ------
    AsimovError
        If it can't be used.
    """
    settings = getattr(pipeline, "settings", None)
    return _usable(settings) if isinstance(settings, type) else None


def _usable(settings: Any) -> type:
    check(settings)
    assert isinstance(settings, type)
    return settings


def settings_of(pipeline: str) -> type | None:
    """Return the settings class of a pipeline; imports the pipeline unless it is published.

    A pipeline that can't be loaded declares nothing here; building or submitting reports it.
    """
    if pipeline in GIVEN_UP:
        return None
    for find in (published, _of_loaded):
        try:
            if (settings := find(pipeline)) is not None:
                return settings
        except AsimovError as error:
            if str(error) not in _warned:
                _warned.add(str(error))
                logger().warning("%s", error)
    return None


_warned: set[str] = set()
#: Pipelines that failed to load, or hung, where that was contained; they are not tried again
#: where it would not be contained.
GIVEN_UP: set[str] = set()


def _of_loaded(pipeline: str) -> type | None:
    return of_class(entrypoints.load(entrypoints.PIPELINES, pipeline))


def known_settings(pipeline: str, warn: Callable[[str], None]) -> Declared:
    """Return what is known about a pipeline's settings without importing its package.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    warn
        Takes a line about declared settings that can't be used.

    Raises
    ------
    PluginError
        If there is no such pipeline.
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
        return {}
    if not point.value.startswith("asimov.pipelines."):
        return {}
    own: Any = entrypoints.load(entrypoints.PIPELINES, pipeline).settings
    return own if isinstance(own, type) else described(own)


def described(names: Any) -> Mapping[str, str]:
    """Return names of settings with what they are, where a pipeline declares no class."""
    return names if isinstance(names, Mapping) else dict.fromkeys(map(str, names or ()), "")
