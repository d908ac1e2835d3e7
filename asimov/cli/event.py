"""``asimov event``: show, add or remove a subject."""

from __future__ import annotations

import click

from asimov.cli.ledger.creation import create_event_command
from asimov.cli.ledger.removal import delete_event_command
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import show, show_json
from asimov.engine.plain_data.subject import subject_data
from asimov.ledger.documents import dump
from asimov.text import line


@click.group("event")
def command() -> None:
    """Show, add or remove a subject.

    \b
    Example:
      asimov event show sunspots
    """


command.add_command(create_event_command)
command.add_command(delete_event_command)


@command.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(name: str | None, as_json: bool) -> None:
    """Show the settings and analyses of the subject NAME; without NAME, list all subjects.

    \b
    Example:
      asimov event show sunspots --json
    """
    workspace = open_workspace(Use.READ)
    if name is None:
        names = list(workspace.contents.subjects)
        if as_json:
            show_json(names)
        else:
            show("\n".join(map(line, names)))
        return
    shown = subject_data(workspace, name)
    if as_json:
        show_json(shown)
    else:
        show(dump(shown).rstrip())
