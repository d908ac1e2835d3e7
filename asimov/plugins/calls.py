"""The one place where third-party code runs: contained, timed and recorded, its errors converted.

`third_party` is the way in for everything: methods of pipelines (`asimov.plugins.methods`), what
pipelines declare (`asimov.plugins.declarations`), and all other plugins, by `call_plugin`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError, FatalError, SchedulerUnreachableError
from asimov.logs import logger
from asimov.plugins.containment import contained, late
from asimov.plugins.crashes import Call, call_log
from asimov.plugins.time_limit import Overtime, limit_of
from asimov.project.workspace import Workspace
from asimov.system.files import full_disk


class PackageError(AsimovError):
    """A plugin other than a pipeline raised, did not return, or is suspended for what it did."""


@contextmanager
def third_party(
    workspace: Workspace,
    call: Call,
    failed: Callable[[BaseException | str], AsimovError],
    *,
    passing: tuple[type[AsimovError], ...] = (),
    seconds: float | None = None,
) -> Iterator[None]:
    """Run third-party code in the block, and convert whatever it raises into one error.

    Ctrl-C ends the command even where the code catches it; a `KeyboardInterrupt` that the code
    raises itself is an error like any other.

    Parameters
    ----------
    workspace
        The open project.
    call
        What is called, for the crash record and for messages.
    failed
        Makes the error to raise, from the exception or from a sentence: why the code is not called,
        or that it did not return in time.
    passing
        Errors that are not the code's own fault, and are raised as they are.
    seconds
        The time limit; by default, and at most, ``[monitor] hook timeout``.

    Raises
    ------
    AsimovError
        What `failed` returns, where the code raises, tries to exit or does not return in time; and,
        without running it, where this, or killing the process, is why it is suspended.
    SchedulerUnreachableError
        Where an outage is the cause.
    FatalError
        Where a journal that can't be used, or a full disk, is the cause.
    """
    log = call_log(workspace)
    if log and (refused := log.suspension(call, workspace.records)):
        raise failed(refused)
    limit = limit_of(workspace.project.config, seconds)
    try:
        with contained(workspace.project.root, call, limit, log):
            yield
    except BaseException as error:
        if isinstance(error, FatalError) or limit.is_users_interrupt(error):
            raise
        over = late(call, limit)
        if over is None:
            # Overtime: the time limit of a call around this one.
            if isinstance(error, (Overtime, *passing)):
                raise
            if full := full_disk(error):
                raise full from error
        logger().error("%s failed", call, exc_info=True)
        if over is None and (unreachable := _unreachable(error)):
            raise unreachable from error
        raise failed(over or error) from error
    if over := late(call, limit):  # the code caught what interrupted it
        raise failed(over)


def _unreachable(error: BaseException | None) -> SchedulerUnreachableError | None:
    """Return the outage that led to an error, if one did."""
    while error is not None:
        if isinstance(error, SchedulerUnreachableError):
            return error
        error = error.__cause__ or error.__context__
    return None


def first_line(error: BaseException) -> str:
    """Return an exception's type and the first line of its text."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def call_plugin(
    workspace: Workspace, call: Call, function: Callable[[], Any], seconds: float | None = None
) -> Any:
    """Call a plugin that is not a pipeline, and return its answer.

    Parameters
    ----------
    workspace
        The open project.
    call
        What is called, for messages; see `asimov.plugins.crashes.Call.of_plugin`.
    function
        Calls it.
    seconds
        The time limit; see `third_party`.

    Raises
    ------
    PackageError
        For whatever the plugin does wrong.
    """
    with third_party(workspace, call, partial(_package_error, call), seconds=seconds):
        return function()


def _package_error(call: Call, cause: BaseException | str) -> PackageError:
    if isinstance(cause, str):
        return PackageError(cause)
    if isinstance(cause, AsimovError):
        return PackageError(f"{call}: {cause}", hint=cause.hint)
    return PackageError(
        f"{call} raised {first_line(cause)}", hint="the project's asimov.log has the traceback"
    )


def load_plugin(workspace: Workspace, group: str, name: str) -> Any:
    """Import a plugin that is not a pipeline, as a call of its own.

    Parameters
    ----------
    workspace
        The open project.
    group
        The entry-point group.
    name
        The entry point's name.

    Raises
    ------
    AsimovError
        Where no plugin of that name is installed, with the nearest name; and where it can't be
        imported. A process raises the same error again rather than import the plugin again.
    """
    if (group, name) in _import_errors:
        raise _import_errors[group, name]
    if entrypoints.find(group, name) is None:
        _import_errors[group, name] = entrypoints.unknown(group, name)
        raise _import_errors[group, name]
    kind = group.rpartition(".")[2].removesuffix("s")
    call = Call.of_plugin(f"{kind} {name}", "import")
    try:
        return call_plugin(workspace, call, partial(entrypoints.load, group, name))
    except PackageError as error:
        cause = error.__cause__
        if isinstance(cause, entrypoints.PluginError):  # its message is complete
            error = PackageError(str(cause), hint=cause.hint)
        _import_errors[group, name] = error
        raise error from cause


def instance_of(workspace: Workspace, plugin: str, loaded: Any) -> Any:
    """Return what a plugin offers, or an instance of it where that is a class.

    Parameters
    ----------
    workspace
        The open project.
    plugin
        The plugin, for messages.
    loaded
        What was loaded, or registered.

    Raises
    ------
    PackageError
        If no instance can be made.
    """
    if isinstance(loaded, type):
        return call_plugin(workspace, Call.of_plugin(plugin, "__init__"), loaded)
    return loaded


#: Why plugins can't be imported, by group and name.
_import_errors: dict[tuple[str, str], AsimovError] = {}
#: Those of them that were reported.
_reported: set[AsimovError] = set()


def warn(report: Callable[[str], None], plugin: str, error: AsimovError) -> None:
    """Report a plugin's error in one line; an error of its import only once a process.

    Parameters
    ----------
    report
        Takes the line.
    plugin
        The plugin, for the line's beginning.
    error
        The error.
    """
    if error in _reported:
        return
    if error in _import_errors.values():
        _reported.add(error)
    report(f"warning: {plugin}: {error}")
