"""Call methods of an analysis's pipeline with the arguments that they take, and catch all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from asimov.discovery import entrypoints, extensions
from asimov.errors import AsimovError, SchedulerError
from asimov.pipeline import Pipeline
from asimov.plugins.calls import first_line, third_party
from asimov.plugins.crashes import Call, acting
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace, workspace_of


class MethodError(AsimovError):
    """A method of a pipeline raised, did not return, or is suspended for what it did.

    Parameters
    ----------
    analysis
        The analysis whose pipeline it is.
    method
        The method's name.
    cause
        What the method raised, or the whole message.

    Attributes
    ----------
    mistake
        Whether the pipeline refuses something that a person can mend, such as a setting or a file.
    """

    def __init__(self, analysis: Analysis, method: str, cause: BaseException | str) -> None:
        self.mistake = isinstance(cause, AsimovError) and not isinstance(cause, SchedulerError)
        if isinstance(cause, str):
            super().__init__(cause)
            return
        if isinstance(cause, AsimovError) and self.mistake:
            super().__init__(cause.message, where=cause.where, hint=cause.hint)
            return
        what = first_line(cause)
        why = extensions.hint(cause)
        super().__init__(
            f"{analysis.entry.pipeline}.{method} raised {what}" + (f"; {why}" if why else "")
        )


def call_method(analysis: Analysis, method: str, *, keep: bool = True, **arguments: Any) -> Any:
    """Call a method of an analysis's pipeline, in the project's folder.

    Parameters
    ----------
    analysis
        The analysis.
    method
        The method's name. A pipeline without it counts as one whose method does nothing.
    keep
        Whether to record what the pipeline writes to the settings.
    **arguments
        Arguments for the method; those that it does not take are left out.

    Returns
    -------
    object
        What the method returned; a list of what it yielded, or of what an iterator such as a `map`
        holds.

    Raises
    ------
    MethodError
        Where the method, or making the pipeline, raises, tries to exit or does not return within
        ``[monitor] hook timeout``; and, without a call, where this, or killing the process, is why
        it is suspended.
    PluginError
        Where the pipeline is not installed or can't be loaded.
    SchedulerUnreachableError
        Where an outage is the cause, which is not the pipeline's fault.
    """
    if not analysis.has_pipeline:
        with guarded(analysis, "__init__"):
            try:
                _ = analysis.pipeline
            finally:
                if keep:
                    _keep(analysis)
    with guarded(analysis, method):
        try:
            function = getattr(analysis.pipeline, method, None)
            found = None if function is None else function(**_accepted(function, arguments))
            # What runs later would run outside of the guard.
            return list(found) if isinstance(found, Iterator) else found
        finally:
            if keep:
                _keep(analysis)


def _keep(analysis: Analysis) -> None:
    analysis.requests.collect(analysis.meta)
    workspace_of(analysis).keep(analysis)


@contextmanager
def guarded(
    analysis: Analysis, method: str, passing: type[AsimovError] = entrypoints.PluginError
) -> Iterator[None]:
    """Run a pipeline's code in the block, and convert whatever it raises into one error.

    Parameters
    ----------
    analysis
        The analysis.
    method
        What is called of its pipeline, for the message.
    passing
        Errors that are not the pipeline's own fault, and are raised as they are.

    Raises
    ------
    MethodError, PluginError, SchedulerUnreachableError
        As `call_method` does.
    """
    workspace, pipeline = workspace_of(analysis), analysis.entry.pipeline
    _import(workspace, pipeline)
    call = Call(*analysis.key, pipeline, method)
    failed = partial(MethodError, analysis, method)
    with third_party(workspace, call, failed, passing=(passing, entrypoints.PluginError)):
        yield


def imported(pipeline: str, workspace: Workspace | None = None) -> Any:
    """Return a pipeline's class; contain its import where a project is at hand.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    workspace
        The open project; by default the one in which this process acts, if it does.

    Raises
    ------
    PluginError
        Where it is not installed or can't be loaded.
    """
    workspace = workspace or acting()
    if workspace is not None:
        _import(workspace, pipeline)
    return entrypoints.load(entrypoints.PIPELINES, pipeline)


def _import(workspace: Workspace, pipeline: str) -> None:
    """Import a pipeline as a call of its own: no analysis is to blame for its import.

    Raises
    ------
    PluginError
        Where it can't be loaded.
    """
    if pipeline in _imported:
        return
    call = Call.of_plugin(pipeline, "import")
    with third_party(workspace, call, partial(_import_error, pipeline), passing=(AsimovError,)):
        entrypoints.load(entrypoints.PIPELINES, pipeline)
    _imported.add(pipeline)


def _import_error(pipeline: str, cause: BaseException | str) -> entrypoints.PluginError:
    why = cause if isinstance(cause, str) else type(cause).__name__
    return entrypoints.PluginError(
        f"the plugin {pipeline!r} can't be loaded: {why}",
        hint="reinstall or remove the package; the rest of asimov works without it",
    )


#: The pipelines that this process has imported.
_imported: set[str] = set()


def _accepted(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Leave out the arguments that a method does not take: published pipelines differ in them."""
    if not arguments:
        return arguments
    taken = _parameters(getattr(function, "__func__", function))
    if taken is None:
        return arguments
    return {name: value for name, value in arguments.items() if name in taken}


@lru_cache(maxsize=1000)
def _parameters(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names of a function's parameters; None if it takes any."""
    parameters = inspect.signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return None
    return frozenset(parameters)


def takes(analysis: Analysis, method: str, argument: str) -> bool:
    """Return whether a method of an analysis's pipeline takes an argument of a name."""
    function = getattr(analysis.pipeline, method, None)
    return function is not None and bool(_accepted(function, {argument: None}))


def overrides(pipeline: str, method: str, workspace: Workspace | None = None) -> bool:
    """Return whether a pipeline has its own version of a method, without making a pipeline."""
    return overridden(imported(pipeline, workspace), method)


def overridden(kind: Any, method: str) -> bool:
    """Return whether a pipeline's class has its own version of a method of the base class.

    A base-class method that does nothing need not be called for thousands of analyses.
    """
    own, base = (getattr(each, method, None) for each in (kind, Pipeline))
    return own is not None and getattr(own, "__func__", own) is not getattr(base, "__func__", base)
