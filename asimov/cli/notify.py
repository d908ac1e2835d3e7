"""``asimov notify``: show who is told of changes of state, and try it."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.notifications import messages
from asimov.engine.notifications.channels import NotDeliveredError, deliver
from asimov.engine.notifications.overview import overview
from asimov.engine.notifications.rules import rules_of
from asimov.errors import AsimovError
from asimov.text import did_you_mean, quoted

_NONE = "There are no rules; the page 'Notifications' of the documentation says how to make one"


@click.group("notify")
def command() -> None:
    """Show who is told of changes of state, and try it.

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
        say(_NONE)
        return
    table.show(
        ("rule", "tells", "of", "queued", "delivered", "last failure"),
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


@command.command("test")
@click.argument("rule", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def test_command(rule: str | None, as_json: bool) -> None:
    """Send a test message by RULE, or by every rule, and say whether it got through.

    The exit code is 1 if a message did not get through.

    \b
    Example:
      asimov notify test
    """
    project = open_workspace(Use.READ).project
    rules = rules_of(project.config)
    names = [rule] if rule else [*rules.usable, *rules.faults]
    if rule and rule not in {*rules.usable, *rules.faults}:
        known = [*rules.usable, *rules.faults]
        near = did_you_mean(rule, known) or f"; there are {', '.join(known) or 'none'}"
        raise AsimovError(f"there is no rule {quoted(rule)}{near}")
    event = messages.of_test(project)
    failures: dict[str, str | None] = {}
    for name in names:
        try:
            if name in rules.faults:
                raise rules.faults[name]
            deliver(rules.usable[name], [event], project.root)
            failures[name] = None
        except (NotDeliveredError, AsimovError) as error:
            failures[name] = str(error)
        if not as_json:
            say(f"{name}: {failures[name] or 'delivered'}")
    if as_json:
        show_json(
            [
                {"rule": name, "delivered": failure is None, "failure": failure}
                for name, failure in failures.items()
            ]
        )
    elif not names:
        say(_NONE)
    if failed := sum(failure is not None for failure in failures.values()):
        raise AsimovError(f"{failed} of {len(names)} test messages did not get through")
