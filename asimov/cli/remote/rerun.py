"""``asimov --server URL rerun``: have a service run analyses again, after showing the plan."""

from __future__ import annotations

from typing import Any

from asimov.cli import rerun as local
from asimov.cli.remote.connection import filters, service, understood
from asimov.cli.remote.form import remote_form
from asimov.cli.remote.selected import selected_rows
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.output import show_json
from asimov.engine.plain_data.rerun import rerun_data
from asimov.engine.rerun.plan import Plan, Step
from asimov.engine.status import Row
from asimov.journal.keys import Key
from asimov.server.client import Client


@selection_options
def _rerun(
    selection: Selection,
    downstream: bool,
    reason: str | None,
    yes: bool,
    dry_run: bool,
    pending: bool,
    withdraw: bool,
    as_json: bool,
) -> None:
    local.check(downstream, dry_run, pending, withdraw, as_json)
    client = service()
    if pending:
        found = client.requests(*selection.patterns, **filters(selection))
        local.show_pending(found, as_json=as_json)
        return
    selection.require()
    if withdraw:
        names = [f"{row.subject}/{row.name}" for row in selected_rows(client, selection)]
        outcomes = client.act("withdraw", names, reason=reason)
        restarts = {each["analysis"]: each["after"] for each in outcomes if "after" in each}
        local.say_withdrawn(
            restarts, [each["analysis"] for each in outcomes if each.get("withdrawn")]
        )
        return
    names = _names(client, selection)
    below = downstream or selection.outdated
    data: dict[str, Any] = rerun_data(Plan(), {}, done=False)
    if names:
        data = client.rerun(names, downstream=below, dry_run=True)
    plan = _plan(data)
    local.check_plan(plan, asked=bool(names))
    if not as_json:
        local.show_plan(plan)
    if plan.steps and not dry_run:
        local.confirm_plan(plan, yes, as_json=as_json)
        data = client.rerun(names, downstream=below, reason=reason)
    if as_json:
        show_json(data)
    local.say_done(plan, data["failed"], dry_run=dry_run, as_json=as_json)


def _names(client: Client, selection: Selection) -> list[str]:
    """Return what is selected; only ``--outdated`` may select nothing."""
    if selection.outdated:
        rows = understood(
            list(client.analyses(*selection.patterns, **filters(selection))), list[Row]
        )
        rows = [row for row in rows if row.pipeline]
    else:
        rows = selected_rows(client, selection)
    return [f"{row.subject}/{row.name}" for row in rows]


def _plan(data: dict[str, Any]) -> Plan:
    """Return a plan as an object."""
    steps = [
        Step(
            Key(each["subject"], each["name"]),
            each["status"],
            tuple(each["why"]),
            each["took"],
            tuple(map(Key.of, each["after"])),
            each["only_if_inputs_change"],
        )
        for each in data["steps"]
    ]
    left = {Key.of(name): why for name, why in data["left"].items()}
    return Plan(steps, left, [Key.of(name) for name in data["not_included"]])


command = remote_form(local.command, _rerun)
