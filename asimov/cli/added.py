"""Commands that packages add, under the entry-point group ``asimov.commands``.

`asimov --help` names them (see `asimov.entrypoints`) without importing them; a command of asimov's
own is never replaced.
What goes wrong in such a command is told as the package's fault.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click

from asimov import entrypoints
from asimov.errors import AsimovError, ReportedError
from asimov.logs import logger
from asimov.project import current
from asimov.system.files import full_disk


def command(name: str) -> click.Command | None:
    """Return a command that a package adds, or None where there is none of that name.

    Raises
    ------
    AsimovError
        Where it can't be loaded, or is no command.
    """
    if name not in entrypoints.found(entrypoints.COMMANDS):
        return None
    loaded = entrypoints.load(entrypoints.COMMANDS, name)
    if not isinstance(loaded, click.Command):
        raise AsimovError(
            f"the command {name!r} {_whose(name)} is no click command, but {type(loaded).__name__}",
            hint="its entry point should name what @click.command or @click.group has made",
        )
    return loaded


def warn() -> None:
    """Warn of what is amiss with the ledger, where a package's command has opened the project."""
    workspace = current.workspace()
    if workspace is not None:
        from asimov.cli import opened
        from asimov.project.workspace import Workspace

        if isinstance(workspace, Workspace):
            opened.tell_amiss(workspace)


def fault(name: str | None, error: Exception) -> AsimovError | None:
    """Return what is to be said of what a package's command raised; None if it says so itself."""
    told = (
        ReportedError,
        click.ClickException,
        click.exceptions.Exit,
        click.Abort,
        BrokenPipeError,
    )
    if name is None or isinstance(error, told) or full_disk(error):
        return None
    if not logger().handlers:
        with suppress(ReportedError):
            from asimov.cli.opened import Use, open_project

            open_project(Use.READ)  # which has a log
    if logger().handlers:
        logger().error("the command %s failed", name, exc_info=error)
    text = str(error).strip().splitlines()
    cause = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    return AsimovError(f"the command {name!r} {_whose(name)} raised {cause}")


def _package(point: Any) -> str:
    return str(point.dist.name) if point.dist else point.value.partition(":")[0].partition(".")[0]


def _whose(name: str) -> str:
    return f"of the package {_package(entrypoints.found(entrypoints.COMMANDS)[name])}"
