"""Make the ``--server`` variant of a command: the same options, but a service does the work."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

import click

from asimov.cli.remote.connection import explained, served_at
from asimov.errors import AsimovError
from asimov.server.client import ServiceError


def remote_form(local: click.Command, callback: Callable[..., Any]) -> click.Command:
    """Return a command with the options of another one.

    Parameters
    ----------
    local
        The other one.
    callback
        What it does; it takes what the callback of the other one takes.
    """

    @wraps(callback)
    def explaining(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except ServiceError as error:
            raise explained(error) from error

    made = copy.copy(local)
    made.callback = explaining
    return made


def remote_group(local: click.Group, callbacks: Mapping[str, Callable[..., Any]]) -> click.Group:
    """Return a group with the remote forms of some of the commands of another one.

    Parameters
    ----------
    local
        The other one.
    callbacks
        What each of these commands does; see `remote_form`.
    """
    made = copy.copy(local)
    made.commands = {}
    for name, each in local.commands.items():
        if name in callbacks:
            made.commands[name] = remote_form(each, callbacks[name])
        else:
            made.commands[name] = _refusing(each, f"{local.name} {name}", made.name, callbacks)
    return made


def _refusing(
    local: click.Command, name: str, group: str | None, known: Iterable[str]
) -> click.Command:
    def refuse(**given: Any) -> None:
        raise refusal(name, [f"{group} {each}" for each in known])

    return remote_form(local, refuse)


def pasted(line: str, known: Iterable[str]) -> str:
    """Return a line that advises commands so that they can be pasted here.

    Parameters
    ----------
    line
        The line, as of the project's own machine.
    known
        The commands that have a remote form.
    """
    return re.sub(
        rf"\basimov (?=({'|'.join(known)})\b)",
        lambda _: f"asimov --server {shlex.quote(served_at())} ",
        line,
    )


def refusal(name: str, known: Iterable[str]) -> AsimovError:
    """Return the refusal to do remotely what makes no sense there."""
    return AsimovError(
        f"'asimov {name}' needs a project on this machine: it does not work with --server",
        hint=f"these commands work with --server: {', '.join(known)}",
    )
