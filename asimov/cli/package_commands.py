"""Load commands that packages add through the entry-point group ``asimov.commands``.

``asimov --help`` lists them without importing them. They can't replace asimov's own commands, and
their unexpected errors are reported as the package's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click

from asimov.discovery import entrypoints
from asimov.errors import AsimovError, ReportedError
from asimov.logs import logger
from asimov.project import current
from asimov.system.files import full_disk


def command(name: str) -> click.Command | None:
    """Return the command of that name that a package adds, or None.

    Raises
    ------
    AsimovError
        If it can't be loaded, or is not a click command.
    """
    if name not in entrypoints.found(entrypoints.COMMANDS):
        return None
    loaded = entrypoints.load(entrypoints.COMMANDS, name)
    if not isinstance(loaded, click.Command):
        raise AsimovError(
            f"the command {name!r} {_owner(name)} is not a click command, "
            f"but {type(loaded).__name__}",
            hint="its entry point must name an object made by @click.command or @click.group",
        )
    return loaded


def warn() -> None:
    """Warn about problems with the ledger if a package's command has opened the project."""
    workspace = current.workspace()
    if workspace is not None:
        from asimov.cli.open_project import warn_about_ledger
        from asimov.project.workspace import Workspace

        if isinstance(workspace, Workspace):
            warn_about_ledger(workspace)


def fault(name: str | None, error: Exception) -> AsimovError | None:
    """Return an error that names the package of a command that raised; None for expected errors."""
    expected = (
        ReportedError,
        click.ClickException,
        click.exceptions.Exit,
        click.Abort,
    )
    if name is None or isinstance(error, expected) or full_disk(error):
        return None
    if not logger().handlers:
        with suppress(ReportedError):
            from asimov.cli.open_project import Use, open_project

            open_project(Use.READ)  # sets up the log
    if logger().handlers:
        logger().error("the command %s failed", name, exc_info=error)
    text = str(error).strip().splitlines()
    cause = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    return AsimovError(f"the command {name!r} {_owner(name)} raised {cause}")


def _package(point: Any) -> str:
    return str(point.dist.name) if point.dist else point.value.partition(":")[0].partition(".")[0]


def _owner(name: str) -> str:
    return f"of the package {_package(entrypoints.found(entrypoints.COMMANDS)[name])}"
