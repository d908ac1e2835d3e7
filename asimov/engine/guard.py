"""The one place where a pipeline's method is called; what it does wrong stays its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asimov import plugins
from asimov.analysis import Analysis
from asimov.engine.attempts import take_written_job
from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.ledger.database import JournalError
from asimov.logs import logger
from asimov.pipeline import Pipeline
from asimov.utils import set_directory


class HookError(AsimovError):
    """A method of a pipeline raised.

    Parameters
    ----------
    analysis
        Whose pipeline it is.
    method
        The method's name.
    cause
        What it raised.
    """

    def __init__(self, analysis: Analysis, method: str, cause: BaseException) -> None:
        text = str(cause).strip().splitlines()
        what = f"{type(cause).__name__}: {text[0]}" if text else type(cause).__name__
        super().__init__(f"{analysis.entry.pipeline}.{method} raised {what}")


def call(analysis: Analysis, method: str, *, keep: bool = True, **arguments: Any) -> Any:
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
    HookError
        Where the method, or making the pipeline, raises or tries to exit.
    PluginError
        Where the pipeline is not installed or can't be loaded.
    SchedulerUnreachableError
        Where that is why the method failed: no fault of the pipeline's.
    """
    try:
        with guarded(analysis, "__init__"):
            function = getattr(analysis.pipeline, method, None)
        if function is None:
            return None
        with guarded(analysis, method):
            return function(**_accepted(function, arguments))
    finally:
        if keep:
            with guarded(analysis, method):
                take_written_job(analysis)
                analysis.workspace.keep(analysis)


@contextmanager
def guarded(
    analysis: Analysis, method: str, passing: type[AsimovError] = plugins.PluginError
) -> Iterator[None]:
    """Work in the project's folder, and make one error of whatever a pipeline raises in the block.

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
    HookError, SchedulerUnreachableError
        As `call` does.
    """
    try:
        with set_directory(analysis.workspace.project.root):
            yield
    except (passing, plugins.PluginError, JournalError):
        raise
    except (Exception, SystemExit) as error:
        logger().error("%s/%s: %s failed", *analysis.key, method, exc_info=True)
        unreachable = _unreachable(error)
        if unreachable:
            raise unreachable from error
        raise HookError(analysis, method, error) from error


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
    parameters = inspect.signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return arguments
    return {name: value for name, value in arguments.items() if name in parameters}


def takes(analysis: Analysis, method: str, argument: str) -> bool:
    """Say whether a method of an analysis's pipeline takes an argument of a name."""
    function = getattr(analysis.pipeline, method, None)
    return function is not None and bool(_accepted(function, {argument: None}))


def overrides(pipeline: str, method: str) -> bool:
    """Say whether a pipeline has a method of its own, without making the pipeline.

    A method of the base class that does nothing need not be called for thousands of analyses.
    """
    own = getattr(plugins.load(plugins.PIPELINES, pipeline), method, None)
    return own is not None and own is not getattr(Pipeline, method, None)
