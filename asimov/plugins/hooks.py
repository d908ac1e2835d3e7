"""Hooks: packages that run after the monitor's passes, or fetch files for a subject.

A hook is enabled by its name under ``hooks:`` of the project, and belongs to no analysis: its
failure is reported in one line and in the log, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from asimov.configuration import number
from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.plugins.calls import PackageError, call_plugin, load_plugin, warn
from asimov.plugins.crashes import Call
from asimov.project.workspace import Workspace

#: Seconds between two runs of the postmonitor hooks in a watch.
INTERVAL = 300.0


def enabled(workspace: Workspace, kind: str) -> dict[str, Any]:
    """Return the hooks of a kind that the project enables: their settings by name.

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


def ledger_for(workspace: Workspace, writes: str) -> Any:
    """Return the ledger that a hook is given; see `asimov.plugins.ledger_api.Ledger`."""
    from asimov.plugins.ledger_api import Ledger

    return Ledger(workspace, writes=writes)


def run_postmonitor(workspace: Workspace, report: Callable[[str], None]) -> None:
    """Run the project's postmonitor hooks in their order in the ledger.

    Parameters
    ----------
    workspace
        The open project; its lease is held. It is reloaded after each hook, which discards changes
        to its objects that the hook did not save.
    report
        Takes a line for each hook that fails.
    """
    for name in enabled(workspace, "postmonitor"):
        try:
            hook = load_plugin(workspace, entrypoints.POSTMONITOR, name)
            call = Call.of_plugin(f"postmonitor {name}", "run")
            call_plugin(workspace, call, partial(_run, hook, ledger_for(workspace, "facts")))
        except AsimovError as error:
            warn(report, f"hook {name!r}", error)
        finally:
            workspace.reload()


def _run(hook: Any, ledger: Any) -> None:
    hook(ledger).run()


def interval(workspace: Workspace) -> float:
    """Return the seconds between two runs of the postmonitor hooks.

    Raises
    ------
    AsimovError
        Where the option is not a number.
    """
    return number(workspace.project.config, "monitor", "hooks interval", INTERVAL)


def fetch(workspace: Workspace, source: str, identifier: str, file: str) -> bytes:
    """Fetch one of a subject's files through a package's file source.

    Parameters
    ----------
    workspace
        The open project.
    source
        The file source's name, such as ``frames``.
    identifier
        The subject's name there.
    file
        The file's name there.

    Returns
    -------
    bytes
        The file's content.

    Raises
    ------
    AsimovError
        Where no such file source is installed, or it can't fetch the file.
    """
    hook = load_plugin(workspace, entrypoints.FILESOURCE, source)
    call = Call.of_plugin(f"filesource {source}", "fetch")
    config = workspace.project.config
    content = call_plugin(workspace, call, lambda: hook(config).fetch(identifier, file))
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, (bytes, bytearray)):
        kind = type(content).__name__
        raise PackageError(f"{call.what} should return bytes, not {kind}", where=file)
    return bytes(content)
