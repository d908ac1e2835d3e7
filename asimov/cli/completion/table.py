"""The table of commands, options, states and pipelines from which words are completed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from asimov.discovery import entrypoints
from asimov.ledger.reviews import STATUSES
from asimov.project import completion
from asimov.states import STATES
from asimov.system.files import write_atomically

#: What the names of arguments and options stand for.
_KINDS = {
    "subject": "subject",
    "event": "subject",
    "status": "state",
    "states": "state",
    "state": "state",
    "pipeline": "pipeline",
    "pipelines": "pipeline",
}


def _shown_states() -> list[str]:
    from asimov.engine.status import OF_JOBS  # heavy, and wanted only when the table is made

    return [*STATES, *OF_JOBS]


#: What options can be that have no words of their own.
_VALUES: dict[str, Callable[[], Iterable[str]]] = {
    "states": _shown_states,
    "scheduler": lambda: sorted(entrypoints.found(entrypoints.SCHEDULERS)),
    "since": lambda: ("1h", "1d", "7d", "yesterday"),
}
#: Arguments called NAME, by command; other names stand for something new.
_NAMES = {
    "event show": "subject",
    "event delete": "subject",
    "plugins show": "pipeline",
    "plugins check": "pipeline",
    "vocabulary show": "pipeline",
}


def write(cli: click.Command) -> dict[str, Any]:
    """Make the table of the command line, and keep it in the user's cache folder if possible."""
    made = {
        "stamp": completion.stamp(),
        "command": table(cli, click.Context(cli, info_name="asimov", resilient_parsing=True)),
        "state": list(STATES),
        "review": list(STATUSES),
        "pipeline": sorted(entrypoints.found(entrypoints.PIPELINES)),
    }
    path = Path(completion.cached())
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(made), sync=False)
    return made


def table(command: click.Command, context: click.Context, words: str = "") -> dict[str, Any]:
    """Return the options, arguments and commands of a command, at any depth.

    Parameters
    ----------
    command
        The command.
    context
        Its context.
    words
        The words that call it.

    Returns
    -------
    dict
        ``options``, ``arguments`` and ``commands``. Each option has the kind of its value, or None
        for a flag; an argument that takes several values has a kind that ends in ``...``.
    """
    options: dict[str, str | None] = {"--help": None}
    arguments: list[str] = []
    for each in command.params:
        if isinstance(each, click.Argument):
            arguments.append(_kind(each, words) + ("..." if each.nargs == -1 else ""))
        elif isinstance(each, click.Option) and not each.hidden:
            flag = each.is_flag or each.count
            options.update(dict.fromkeys(each.opts, None if flag else _kind(each, words)))
    commands: dict[str, Any] = {}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            with suppress(Exception):  # a package's command that can't be imported
                inner = command.get_command(context, name)
                if inner is not None and not inner.hidden:
                    below = click.Context(inner, parent=context)
                    commands[name] = table(inner, below, f"{words} {name}".strip())
    return {"options": options, "arguments": arguments, "commands": commands}


def _kind(parameter: click.Parameter, words: str) -> str:
    """Return what a parameter of a command takes, by its type, its place holder or its name."""
    shown = parameter.metavar or ""
    if isinstance(parameter, click.Option) and parameter.name in _VALUES:
        return "one of " + " ".join(_VALUES[parameter.name]())
    if isinstance(parameter.type, click.Choice):
        return "one of " + " ".join(map(str, parameter.type.choices))
    if isinstance(parameter.type, (click.Path, click.File)) or "FILE" in shown:
        return "folder" if parameter.name == "project" else "file"
    if "SUBJECT" in shown and "NAME" in shown:
        return "review" if "STATUS" in shown else "pattern"
    if isinstance(parameter, click.Argument) and words in _NAMES:
        return _NAMES[words]
    return _KINDS.get(parameter.name or "", "value")
