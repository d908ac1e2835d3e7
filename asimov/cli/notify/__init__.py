"""``asimov notify``: list the rules for notifications, and try them."""

from __future__ import annotations

import click

from asimov.cli.notify.trial import NO_RULES, test_command
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.notifications.overview import overview


@click.group("notify")
def command() -> None:
    """List the rules for notifications, and try them.

    \b
    Example:
      asimov notify list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def list_command(as_json: bool) -> None:
    """Show the rules, how many messages wait, and what went wrong last.

    \b
    Example:
      asimov notify list
    """
    workspace = open_workspace(Use.READ)
    found = overview(workspace)
    if as_json:
        show_json([row.as_json() for row in found])
        return
    if not found:
        say(NO_RULES)
        return
    table.show(
        ("rule", "notifies", "about", "queued", "delivered", "last failure"),
        [
            [
                row.rule,
                f"{row.channel}: {row.target}" if row.channel else "",
                "; ".join(map(", ".join, filter(None, (row.states, row.analyses, row.labels))))
                or "every change",
                str(row.queued),
                str(row.delivered),
                f"{row.last_failed}: {row.failure}" if row.failure else "",
            ]
            for row in found
        ],
    )
    for row in found:
        if row.fault:
            warn(f"warning: {row.fault}")


command.add_command(test_command)
