"""``asimov rerun``: run analyses again, after showing what, why and how long it took last time."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, confirm, selection_options, yes_option
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.rerun.pending import withdraw as withdraw_requests
from asimov.engine.rerun.plan import Plan, carry_out, planned
from asimov.engine.rerun.requested import Requested, requested
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.reruns import Request, Requests
from asimov.text import line, listed


@click.command("rerun")
@selection_options
@click.option(
    "--downstream", is_flag=True, help="Also run what is made from them, if its inputs change."
)
@click.option("--reason", help="Why; recorded in the log.")
@yes_option
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only show the plan.")
@click.option("--pending", is_flag=True, help="List what is to run again, and is not yet.")
@click.option("--withdraw", is_flag=True, help="Take such requests back.")
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
    the analyses are what they were.

    \b
    Example:
      asimov rerun sunspots/detrend
      asimov rerun sunspots/detrend --downstream --dry-run
      asimov rerun --outdated --yes
      asimov rerun --pending
      asimov rerun --withdraw 'sunspots/*'
    """
    if pending:
        if withdraw or downstream:
            raise click.UsageError("--pending only lists")
        _pending(selection, as_json=as_json)
        return
    selection.require()
    if withdraw:
        if downstream or as_json or dry_run:
            raise click.UsageError("--withdraw takes a selection and --reason only")
        _withdraw(selection, reason)
        return
    _rerun(selection, downstream, reason, yes, dry_run, as_json)


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
    if keys and not plan.steps:
        key, why = next(iter(plan.left.items()))
        more = f", and {len(plan.left) - 1} more can't run again either" if plan.left else ""
        raise AsimovError(f"{key} {why}{more if len(plan.left) > 1 else ''}")
    failed: dict[str, str] = {}
    if not as_json:
        _show(plan)
    if plan.steps and not dry_run:
        if not (as_json and yes):
            confirm([str(step) for step in plan.steps], yes, f"run {_count(plan)} again")
        failed = {str(key): why for key, why in carry_out(workspace, plan, reason).items()}
    if as_json:
        show_json(
            {
                "steps": [step.as_json() for step in plan.steps],
                "left": {str(key): why for key, why in plan.left.items()},
                "not_included": [str(key) for key in plan.users],
                "failed": failed,
                "done": bool(plan.steps) and not dry_run,
            }
        )
    elif plan.steps and dry_run:
        for step in plan.steps:
            say(f"  {step}")
    elif plan.steps:
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
    later = Requests(workspace.journal).all()
    found: dict[Key, Request | Requested] = {key: later[key] for key in keys if key in later}
    found |= requested(workspace, keys)
    if as_json:
        show_json(
            [
                {
                    "subject": key.subject,
                    "name": key.name,
                    **found[key].as_json(),
                    "only_if_inputs_change": isinstance(found[key], Request),
                }
                for key in keys
                if key in found
            ]
        )
        return
    if not found:
        say("Nothing waits to run again")
    for key in keys:
        if key in found:
            say(f"{key}: {found[key]}: {line(found[key].reason)}")


def _withdraw(selection: Selection, reason: str | None) -> None:
    workspace = open_workspace(Use.ACT)
    restarts, later = withdraw_requests(workspace, selection.of(workspace), reason)
    for key in restarts:
        say(f"{key}: restart -> {workspace.status(key)}; the request is withdrawn")
    for key in later:
        say(f"{key}: no longer runs again if its inputs change")
    if not (restarts or later):
        say("None of these waits to run again; 'asimov rerun --pending' lists what does")


def _show(plan: Plan) -> None:
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
