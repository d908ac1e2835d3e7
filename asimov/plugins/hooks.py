"""Hooks: what packages do around asimov's own work; each call is contained like a pipeline's.

A hook is enabled by its name under ``hooks:`` of the project, and belongs to no analysis: what it
does wrong is told in a line and in the log, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from asimov import entrypoints
from asimov.configuration import number
from asimov.errors import AsimovError, FatalError
from asimov.logs import logger
from asimov.plugins.containment import contained, late
from asimov.plugins.crashes import Call, call_log, timeout
from asimov.plugins.methods import by_person
from asimov.plugins.time_limit import TIMEOUT, Overtime, TimeLimit
from asimov.project.workspace import Workspace
from asimov.system.files import full_disk

#: Seconds between two runs of the postmonitor hooks where passes follow each other.
INTERVAL = 300.0


class PackageError(AsimovError):
    """A plugin that is no pipeline raised, did not return, or is left alone for what it did."""


def enabled(workspace: Workspace, kind: str) -> dict[str, Any]:
    """Return the hooks of a kind that the project enables: their settings by their names.

    Parameters
    ----------
    workspace
        The open project.
    kind
        ``postmonitor``, ``applicator`` or ``telemetry``.
    """
    hooks = workspace.contents.project.get("hooks")
    named = hooks.get(kind) if isinstance(hooks, Mapping) else None
    if isinstance(named, Mapping):
        return {str(name): settings for name, settings in named.items()}
    return {str(name): None for name in (named if isinstance(named, list) else [])}


def call(
    workspace: Workspace, what: Call, function: Callable[[], Any], seconds: float | None = None
) -> Any:
    """Call a plugin's code, which may raise, hang, exit, print and change the folder.

    Parameters
    ----------
    workspace
        The open project.
    what
        What is called, for messages; of no subject.
    function
        CallLog it.
    seconds
        How long it may take at most; by default, and never longer than, ``[monitor] hook
        timeout``.

    Raises
    ------
    PackageError
        Whatever it does wrong.
    """
    calls = call_log(workspace)
    refused = calls.refusal(workspace, what) if calls else None
    if refused:
        raise PackageError(refused)
    limit = _limit(workspace, seconds)
    try:
        with contained(workspace, what, limit):
            answer = function()
    except FatalError:
        raise
    except BaseException as error:
        if by_person(error, limit) or (isinstance(error, Overtime) and not limit.over):
            raise
        if (full := full_disk(error)) and not limit.over:
            raise full from error
        logger().error("%s failed", what, exc_info=True)
        if over := late(what, limit):
            raise PackageError(over) from error
        if isinstance(error, AsimovError):
            raise PackageError(f"{what}: {error}", hint=error.hint) from error
        text = str(error).strip().splitlines()
        told = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
        raise PackageError(f"{what} raised {told}", hint="the log has the details") from error
    if over := late(what, limit):
        raise PackageError(over)
    return answer


def _limit(workspace: Workspace, seconds: float | None) -> TimeLimit:
    try:
        usual = timeout(workspace)
    except AsimovError:  # it is no number, which the monitor says
        usual = TIMEOUT
    return TimeLimit(usual if seconds is None else min(seconds, usual or seconds))


def load(workspace: Workspace, group: str, name: str) -> Any:
    """Import a plugin as a call of its own.

    Raises
    ------
    AsimovError
        Where there is none of that name, with the nearest that there is; and where it can't be
        imported, always the same error in one process: a package is not imported again and again.
    """
    if (group, name) in _faults:
        raise _faults[group, name]
    if entrypoints.find(group, name) is None:
        _faults[group, name] = entrypoints.unknown(group, name)
        raise _faults[group, name]
    kind = group.rpartition(".")[2].removesuffix("s")
    try:
        return call(
            workspace,
            Call("", "", f"{kind} {name}", "import"),
            lambda: entrypoints.load(group, name),
        )
    except PackageError as error:
        cause = error.__cause__
        if isinstance(cause, entrypoints.PluginError):  # it says all, and names the package
            error = PackageError(str(cause), hint=cause.hint)
        _faults[group, name] = error
        raise error from cause


#: What is wrong with the plugins that this process could not import.
_faults: dict[tuple[str, str], AsimovError] = {}
#: What of that was told.
_told: set[AsimovError] = set()


def tell(report: Callable[[str], None], whose: str, error: AsimovError) -> None:
    """Tell what a plugin did wrong in a line; that it can't be imported once only.

    Parameters
    ----------
    report
        Takes the line.
    whose
        What begins it, such as the plugin.
    error
        What was wrong.
    """
    if error in _told:
        return
    if error in _faults.values():
        _told.add(error)
    report(f"warning: {whose}: {error}")


def ledger_for(workspace: Workspace, writes: str) -> Any:
    """Return the ledger as hooks see it; see `asimov.plugins.ledger_api.Ledger`."""
    from asimov.plugins.ledger_api import Ledger

    return Ledger(workspace, writes=writes)


def run_postmonitor(workspace: Workspace, report: Callable[[str], None]) -> None:
    """Run the project's postmonitor hooks, in the order in which they stand there.

    Parameters
    ----------
    workspace
        The open project; its lease is held. Where a hook has run, it is read again: what the hook
        did to its objects and did not keep is gone.
    report
        Takes a line for each hook that fails.
    """
    for name in enabled(workspace, "postmonitor"):
        try:
            hook = load(workspace, entrypoints.POSTMONITOR, name)
            call(
                workspace,
                Call("", "", f"postmonitor {name}", "run"),
                partial(_run, hook, ledger_for(workspace, "facts")),
            )
        except AsimovError as error:
            tell(report, f"hook {name!r}", error)
        finally:
            workspace.reload()


def _run(hook: Any, ledger: Any) -> None:
    hook(ledger).run()


def interval(workspace: Workspace) -> float:
    """Return the seconds between two runs of the postmonitor hooks.

    Raises
    ------
    AsimovError
        Where the option is no number.
    """
    return number(workspace.project.config, "monitor", "hooks interval", INTERVAL)


def fetch(workspace: Workspace, source: str, identifier: str, file: str) -> bytes:
    """Fetch a file from where a subject's files are kept, by a package's hook.

    Parameters
    ----------
    workspace
        The open project.
    source
        The hook's name, such as ``gracedb``.
    identifier
        What it knows the subject by.
    file
        The file's name there.

    Returns
    -------
    bytes
        The file's content.

    Raises
    ------
    AsimovError
        Where there is no such hook, or it can't fetch the file.
    """
    hook = load(workspace, entrypoints.FILESOURCE, source)
    what = Call("", "", f"filesource {source}", "fetch")
    content = call(workspace, what, lambda: hook(workspace.project.config).fetch(identifier, file))
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, (bytes, bytearray)):
        told = type(content).__name__
        raise PackageError(f"{what.what} should return bytes, and returned {told}", where=file)
    return bytes(content)
