"""Commands on a project that another machine serves: ``asimov --server URL COMMAND``.

Each module here is named after a command and has its remote form: the same options and the same
output, with a service in the place of a project.
"""

from __future__ import annotations

from importlib import import_module

import click

#: The commands that have a remote form.
COMMANDS = (
    *("status", "why", "log", "logs", "apply", "rerun", "cancel"),
    *("production", "answer", "review", "event"),
)


def command(name: str) -> click.Command:
    """Return the remote form of a command.

    Raises
    ------
    AsimovError
        If it has none.
    """
    if name not in COMMANDS:
        from asimov.cli.remote.form import refusal

        raise refusal(name, COMMANDS)
    made: click.Command = import_module(f"asimov.cli.remote.{name}").command
    return made
