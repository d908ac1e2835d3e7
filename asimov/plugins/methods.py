"""The one place where a pipeline's method is called; what it does wrong stays its own."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from asimov import entrypoints, extensions
from asimov.errors import AsimovError, FatalError, ReportedError, SchedulerUnreachableError
from asimov.logs import logger
from asimov.pipeline import Pipeline
from asimov.plugins.containment import contained, late, limit_of
from asimov.plugins.crashes import Call, acting, call_log
from asimov.plugins.time_limit import Overtime, TimeLimit
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace, workspace_of
from asimov.system.files import full_disk


class MethodError(AsimovError):
    """A method of a pipeline raised, did not return, or is not called because of what it did.

    Parameters
    ----------
    analysis
        Whose pipeline it is.
    method
        The method's name.
    cause
        What it raised, or all that is to be said.
    """

    def __init__(self, analysis: Analysis, method: str, cause: BaseException | str) -> None:
        if isinstance(cause, str):
            super().__init__(cause)
            return
        text = str(cause).strip().splitlines()
        what = f"{type(cause).__name__}: {text[0]}" if text else type(cause).__name__
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
        The method's name. A pipeline that lacks it is as one that does nothing.
    keep
        Whether to keep what the pipeline writes to the settings.
    **arguments
        Passed on as far as the method takes them.

    Returns
    -------
    object
        What the method returned.

    Raises
    ------
    MethodError
        Where the method, or making the pipeline, raises, tries to exit or does not return within
        ``[monitor] hook timeout``; and, without a call, where that, or its killing the process,
        was the end of it before.
    PluginError
        Where the pipeline is not installed or can't be loaded.
    SchedulerUnreachableError
        Where that is why the method failed: no fault of the pipeline's.
    """
    if analysis not in _made:
        with guarded(analysis, "__init__"):
            try:
                _ = analysis.pipeline
            finally:
                if keep:
                    _keep(analysis)
        _made.add(analysis)
    with guarded(analysis, method):
        try:
            function = getattr(analysis.pipeline, method, None)
            return None if function is None else function(**_accepted(function, arguments))
        finally:
            if keep:
                _keep(analysis)


#: The analyses whose pipelines have been made.
_made: weakref.WeakSet[Analysis] = weakref.WeakSet()


def _keep(analysis: Analysis) -> None:
    analysis.requests.collect(analysis.meta)
    workspace_of(analysis).keep(analysis)


@contextmanager
def guarded(
    analysis: Analysis, method: str, passing: type[AsimovError] = entrypoints.PluginError
) -> Iterator[None]:
    """Contain a pipeline's code in the block, and make one error of whatever it raises.

    Ctrl-C ends the command, also where the pipeline catches it; a `KeyboardInterrupt` that the
    pipeline raises itself is an error like any other.

    Parameters
    ----------
    analysis
        The analysis.
    method
        What of its pipeline is called, for the message.
    passing
        Errors that are not the pipeline's own and pass as they are.

    Raises
    ------
    MethodError, PluginError, SchedulerUnreachableError
        As `call_method` does.
    """
    workspace, pipeline = workspace_of(analysis), analysis.entry.pipeline
    limit = limit_of(workspace)
    _import(workspace, pipeline)
    what = Call(*analysis.key, pipeline, method)
    refused = _refusal(workspace, what)
    if refused:
        raise MethodError(analysis, method, refused)
    try:
        with contained(workspace, what, limit):
            yield
    except FatalError:
        raise
    except BaseException as error:
        if by_person(error, limit) or (isinstance(error, Overtime) and not limit.over):
            raise  # the time limit of a call around this one
        if isinstance(error, (passing, entrypoints.PluginError)) and not limit.over:
            raise
        if (full := full_disk(error)) and not limit.over:
            raise full from error
        logger().error("%s/%s: %s failed", *analysis.key, method, exc_info=True)
        unreachable = None if limit.over else _unreachable(error)
        if unreachable:
            raise unreachable from error
        raise MethodError(analysis, method, late(what, limit) or error) from error
    if over := late(what, limit):  # it has caught what interrupted it
        raise MethodError(analysis, method, over)


def imported(pipeline: str, workspace: Workspace | None = None) -> Any:
    """Return a pipeline's class; its import is contained where this process acts.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    workspace
        The open project, where the import is to be contained even if this process does not act.

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
    """Import a plugin as a call of its own: its import is no fault of the analysis that is first.

    Raises
    ------
    PluginError
        Where it can't be loaded.
    """
    if pipeline in _imported:
        return
    what = Call("", "", pipeline, "import")
    refused = _refusal(workspace, what)
    limit = limit_of(workspace)
    try:
        if refused:
            raise entrypoints.PluginError(refused)
        with contained(workspace, what, limit):
            entrypoints.load(entrypoints.PIPELINES, pipeline)
    except BaseException as error:
        why = refused or late(what, limit)
        if by_person(error, limit) or (why is None and isinstance(error, ReportedError)):
            raise
        raise entrypoints.PluginError(
            f"the plugin {pipeline!r} can't be loaded: {why or type(error).__name__}",
            hint="mend or remove the package; the rest of asimov goes on without it",
        ) from error
    _imported.add(pipeline)


#: The plugins that this process has imported.
_imported: set[str] = set()


def _refusal(workspace: Workspace, what: Call) -> str | None:
    calls = call_log(workspace)
    return calls.refusal(workspace, what) if calls else None


def by_person(error: BaseException, limit: TimeLimit) -> bool:
    """Say whether an error is somebody's Ctrl-C, rather than raised by the plugin itself."""
    return isinstance(error, KeyboardInterrupt) and (limit.interrupted or error is not limit.raised)


def _unreachable(error: BaseException | None) -> SchedulerUnreachableError | None:
    """Return the outage that led to an error, if one did."""
    while error is not None:
        if isinstance(error, SchedulerUnreachableError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _accepted(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Leave out the arguments that a method does not take: published ones differ in them."""
    if not arguments:
        return arguments
    taken = _parameters(getattr(function, "__func__", function))
    if taken is None:
        return arguments
    return {name: value for name, value in arguments.items() if name in taken}


@lru_cache(maxsize=1000)
def _parameters(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names of a function's parameters; None where it takes any."""
    parameters = inspect.signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return None
    return frozenset(parameters)


def takes(analysis: Analysis, method: str, argument: str) -> bool:
    """Say whether a method of an analysis's pipeline takes an argument of a name."""
    function = getattr(analysis.pipeline, method, None)
    return function is not None and bool(_accepted(function, {argument: None}))


def overrides(pipeline: str, method: str, workspace: Workspace | None = None) -> bool:
    """Say whether a pipeline has a method of its own, without making the pipeline.

    A method of the base class that does nothing need not be called for thousands of analyses.
    """
    own = getattr(imported(pipeline, workspace), method, None)
    return own is not None and own is not getattr(Pipeline, method, None)
