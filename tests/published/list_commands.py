"""Print every command of the real program with its options; run it with that program's Python.

OLD/bin/python tests/published/list_commands.py > tests/compat/importing/commands-0.8.0.txt
"""

from __future__ import annotations

import importlib.metadata

import click


def show(command: click.Command, path: list[str]) -> None:
    """Print a command, or the commands of a group."""
    options = [
        each
        for option in command.params
        if isinstance(option, click.Option)
        for each in [*option.opts, *option.secondary_opts]
    ]
    if options or not isinstance(command, click.Group):
        print(" ".join([*path, "|", *options]).rstrip(" |"))
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            show(inner, [*path, name])


for point in importlib.metadata.entry_points(group="console_scripts"):
    if point.dist.name.lower() == "asimov" and point.name != "olivaw":  # the same as asimov
        show(point.load(), [point.name])
