"""``asimov rerun``: run analyses again, after showing what, why and how long it took last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, confirm, selection_options, yes_option
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.plain_data.requests import requests_data
from asimov.engine.plain_data.rerun import rerun_data
from asimov.engine.rerun.pending import withdraw as withdraw_requests
from asimov.engine.rerun.plan import Plan, carry_out, planned
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.text import line, listed


@click.command("rerun")
@selection_options
@click.option(
    "--downstream", is_flag=True, help="Also rerun what is made from them, if its inputs change."
)
@click.option("--reason", help="Why; recorded in the log.")
@yes_option
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only show the plan.")
@click.option("--pending", is_flag=True, help="List requested reruns that have not begun.")
@click.option("--withdraw", is_flag=True, help="Withdraw such requests.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as a JSON object.")
def command(
    selection: Selection,
    downstream: bool,
    reason: str | None,
    yes: bool,
    dry_run: bool,
    pending: bool,
    withdraw: bool,
    as_json: bool,
) -> None:
    """Run analyses again, after showing what, why, and how long it took last time.

    The next monitor pass carries it out. Run directories are moved aside, and stored results too
    until new ones take their place. With --downstream and with --outdated, analyses that are made
    from these wait until their inputs are made, and run only if the products have changed.
    Until then, --pending lists all of this, and --withdraw and 'asimov cancel' take requests back:
    the analyses return to their earlier states.

    \b
    Example:
      asimov rerun sunspots/detrend
      asimov rerun sunspots/detrend --downstream --dry-run
      asimov rerun --outdated --yes
      asimov rerun --pending
      asimov rerun --withdraw 'sunspots/*'
    """
    check(downstream, dry_run, pending, withdraw, as_json)
    if pending:
        _pending(selection, as_json=as_json)
        return
    selection.require()
    if withdraw:
        _withdraw(selection, reason)
        return
    _rerun(selection, downstream, reason, yes, dry_run, as_json)


def check(downstream: bool, dry_run: bool, pending: bool, withdraw: bool, as_json: bool) -> None:
    """Refuse options that don't go together.

    Raises
    ------
    click.UsageError
        If there are such.
    """
    if pending and (withdraw or downstream):
        raise click.UsageError(
            "--pending only lists requests: it can't be combined with --withdraw or --downstream"
        )
    if withdraw and (downstream or as_json or dry_run):
        raise click.UsageError("--withdraw takes only a selection and --reason")


def _rerun(
    selection: Selection,
    downstream: bool,
    reason: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show the plan, and carry it out."""
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)
    keys = selection.of(workspace, may_be_empty=selection.outdated)
    plan = planned(workspace, keys, with_users=downstream or selection.outdated)
    check_plan(plan, asked=bool(keys))
    failed: dict[Key, str] = {}
    if not as_json:
        show_plan(plan)
    if plan.steps and not dry_run:
        confirm_plan(plan, yes, as_json=as_json)
        failed = carry_out(workspace, plan, reason)
    if as_json:
        show_json(rerun_data(plan, failed, done=bool(plan.steps) and not dry_run))
    say_done(plan, failed, dry_run=dry_run, as_json=as_json)


def check_plan(plan: Plan, *, asked: bool) -> None:
    """Refuse a plan in which nothing runs although it was asked for.

    Raises
    ------
    AsimovError
        If so.
    """
    if asked and not plan.steps:
        key, why = next(iter(plan.left.items()))
        more = f", and {len(plan.left) - 1} more can't run again either" if plan.left else ""
        raise AsimovError(f"{key} {why}{more if len(plan.left) > 1 else ''}")


def confirm_plan(plan: Plan, yes: bool, *, as_json: bool) -> None:
    """Ask whether to carry out a plan."""
    if not (as_json and yes):
        confirm([str(step) for step in plan.steps], yes, f"run {_count(plan)} again")


def say_done(plan: Plan, failed: Mapping[Any, str], *, dry_run: bool, as_json: bool) -> None:
    """Say what becomes of a plan.

    Raises
    ------
    AsimovError
        If analyses could not be restarted.
    """
    if plan.steps and dry_run and not as_json:
        for step in plan.steps:
            say(f"  {step}")
    elif plan.steps and not as_json:
        say("The next pass of 'asimov monitor' carries it out; with --chain it also submits them")
        say("Until then 'asimov cancel SUBJECT/NAME' withdraws it")
    for name, why in failed.items():
        warn(f"{name}: {why}")
    if failed:
        raise AsimovError(f"{len(failed)} of {len(plan.steps)} analyses could not be restarted")


def _pending(selection: Selection, *, as_json: bool) -> None:
    """List the requests that are open."""
    workspace = open_workspace(Use.READ)
    keys = selection.of(workspace, may_be_empty=True)
    show_pending(requests_data(workspace, keys), as_json=as_json)


def show_pending(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print requests, as `requests_data` returns them."""
    if as_json:
        left = {"said", "before"}
        show_json(
            [{name: value for name, value in each.items() if name not in left} for each in found]
        )
        return
    if not found:
        say("No rerun is pending")
    for each in found:
        say(f"{each['subject']}/{each['name']}: {each['said']}: {line(each['reason'])}")


def _withdraw(selection: Selection, reason: str | None) -> None:
    workspace = open_workspace(Use.ACT)
    restarts, later = withdraw_requests(workspace, selection.of(workspace), reason)
    say_withdrawn({key: workspace.status(key) for key in restarts}, later)


def say_withdrawn(restarts: Mapping[Any, str], later: Sequence[object]) -> None:
    """Say what was withdrawn: restarts, with the states that are back, and later ones."""
    for key, status in restarts.items():
        say(f"{key}: restart -> {status}; the request is withdrawn")
    for key in later:
        say(f"{key}: no longer runs again if its inputs change")
    if not (restarts or later):
        say("None of these has a pending rerun; 'asimov rerun --pending' lists those that have")


def show_plan(plan: Plan) -> None:
    """Print what a plan runs again, and what not."""
    for key, why in plan.left.items():
        warn(f"{key} {why}")
    if not plan.steps:
        say("Nothing is out of date")
        return
    say(f"To run again: {_count(plan)}")
    if plan.users:
        say(f"Not included: {listed(plan.users)}, made from these; --downstream includes them")


def _count(plan: Plan) -> str:
    """Return how many analyses run again, and how many may."""
    may = sum(step.conditional for step in plan.steps)
    count = len(plan.steps) - may
    said = f"{count} {'analysis' if count == 1 else 'analyses'}"
    return f"{said} and up to {may} made from {'it' if count == 1 else 'them'}" if may else said
