"""``asimov notify test``: send a test message by the rules for notifications."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json
from asimov.engine.notifications import messages
from asimov.engine.notifications.rules import rules_of
from asimov.engine.notifications.sender import deliver_in_time
from asimov.errors import AsimovError
from asimov.text import did_you_mean, quoted

NO_RULES = (
    "There are no rules; the page 'Notifications' of the documentation explains how to add one"
)


@click.command("test")
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
    known = [*rules.usable, *rules.faults]
    if rule and rule not in known:
        near = did_you_mean(rule, known) or f"; known rules: {', '.join(known) or 'none'}"
        raise AsimovError(f"there is no rule {quoted(rule)}{near}")
    names = [rule] if rule else known
    event = messages.of_test(project)
    failures: dict[str, str | None] = {}
    for name in names:
        fault = rules.faults.get(name) or deliver_in_time(rules.usable[name], [event], project.root)
        failures[name] = None if fault is None else str(fault)
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
        say(NO_RULES)
    if failed := sum(failure is not None for failure in failures.values()):
        raise AsimovError(f"{failed} of {len(names)} test messages did not get through")
