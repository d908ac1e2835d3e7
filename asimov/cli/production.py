"""``asimov production``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from asimov.cli.opened import Use, open_workspace
from asimov.cli.output import say, show, show_json, warn
from asimov.configuration import owner
from asimov.engine.lease import at_work
from asimov.engine.readiness import waiting_for
from asimov.engine.status import LOST, iso, rows
from asimov.engine.usage import used
from asimov.errors import AsimovError
from asimov.keys import Key
from asimov.ledger.documents import dump
from asimov.plugins import custom_states
from asimov.plugins.declared import import_published
from asimov.project import removed
from asimov.project.workspace import Workspace
from asimov.states import ALIASES, OWN, STATES, reachable
from asimov.text import did_you_mean


@click.group("production")
def command() -> None:
    """Show or change one analysis.

    \b
    Example:
      asimov production show sunspots detrend
    """


#: States that take care of a job that is there; any other must wait until it has gone.
_WITH_JOB = {"stop", "restart", "cancelled"}


@command.command("set")
@click.argument("subject")
@click.argument("name")
@click.option("-s", "--status", required=True, help="The state to go to.")
@click.option("--reason", help="Why; it stands in the log.")
@click.option("--lost", is_flag=True, help="Its job is gone, and its scheduler will never say so.")
def set_command(subject: str, name: str, status: str, reason: str | None, lost: bool) -> None:
    """Move the analysis NAME of SUBJECT to another state.

    With --lost its job is given up first, as where its schedd is gone for good: make sure that it
    does not run any more.

    \b
    Example:
      asimov production set sunspots detrend --status restart --reason "new data"
    """
    workspace = open_workspace(Use.ACT)
    with at_work(workspace, "asimov production set", wait=True):
        _set(workspace, workspace.key(subject, name), status, reason, given_up=lost)


def _set(
    workspace: Workspace, key: Key, status: str, reason: str | None, *, given_up: bool
) -> None:
    subject, name = key
    after = ALIASES.get(status.lower(), status.lower())
    if after not in OWN and not custom_states.known(workspace, key, after):
        raise AsimovError(
            f"there is no state {status!r}{did_you_mean(after, STATES)}",
            hint=f"the states are {', '.join(STATES)}",
        )
    workspace.adopt()
    before = workspace.status(key)
    if before == after:
        say(f"{subject}/{name} is {after} already")
        return
    jobs = [each for each in workspace.journal.open_attempts() if each.key == key]
    # What nobody knows any more is for a person to say.
    known = all(each.state == "submitted" for each in jobs)
    lost = jobs and (given_up or (known and workspace.records[key].job_state == LOST))
    able = reachable(before, "person")
    if jobs and not lost:
        able = [state for state in able if state in _WITH_JOB]
    if after not in reachable(before, "person"):
        raise AsimovError(
            f"{subject}/{name} is {before} and can't be set to {after}",
            hint=f"it can be set to {', '.join(able)}",
        )
    if after not in able:
        job = f"job {jobs[0].job_id}" if jobs[0].job_id else "a job that may have been submitted"
        raise AsimovError(
            f"{subject}/{name} has {job}, whose end has not been seen",
            hint="run 'asimov monitor' first, or set it to restart, stop or cancelled",
        )
    person = owner()
    with workspace.journal.transaction():
        for each in jobs if given_up or (lost and after not in _WITH_JOB) else ():
            told = f"set to {after}" + (": its job is lost" if given_up else "")
            workspace.journal.ended(each.uid, "ended", exit_code=None, evidence=person, reason=told)
        if not workspace.move(key, after, person, reason):
            raise AsimovError(
                f"{subject}/{name} has just become {workspace.status(key)}",
                hint="look, and try again",
            )
    later = ""
    if after in {"stop", "restart"}:
        later = "; the next pass of 'asimov monitor' sees to it"
    elif jobs and after == "cancelled":
        later = "; the next pass of 'asimov monitor' sees to its job"
    say(f"{subject}/{name}: {before} -> {after}{later}")


@command.command("forget")
@click.argument("subject")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--reason", default="removed from the ledger", help="Why; it stands in the log.")
def forget_command(subject: str, names: tuple[str, ...], reason: str) -> None:
    """Confirm that analyses of SUBJECT were removed from the ledger on purpose.

    Without names it confirms all of SUBJECT that are missing. Commands warn of them no more. Their
    history stays in the journal, and their files where they are.

    \b
    Example:
      asimov production forget sunspots detrend
    """
    workspace = open_workspace(Use.ACT)
    for key in removed.forget(workspace, subject, names, owner(), reason):
        say(f"{key}: forgotten; 'asimov log' still has its history")


@command.command("show")
@click.argument("subject")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show_command(subject: str, name: str, as_json: bool) -> None:
    """Show the analysis NAME of SUBJECT: state, attempts, usage, folders, settings.

    \b
    Example:
      asimov production show sunspots detrend --json
    """
    workspace = open_workspace(Use.READ)
    key = workspace.key(subject, name)
    analysis = workspace.analysis(key)
    if error := import_published(workspace, analysis.entry.pipeline, whole=True):
        warn(f"warning: {error}")
    (row,) = rows(workspace, [key])
    build = workspace.builds.get(key)
    told: dict[str, Any] = {
        **row.as_json(),
        "kind": analysis.entry.kind,
        "needs": [str(each) for each in workspace.dependencies.of(key).keys],
        "waiting_for": waiting_for(workspace, key) if row.status == "ready" else row.waiting_for,
        "run_directory": analysis.rundir,
        "configuration": str(workspace.project.path(build.config)) if build else None,
        "results": str(workspace.project.results / key[0] / key[1]),
        "attempts": [
            {
                "number": attempt.number,
                "stage": attempt.stage,
                "state": attempt.state,
                "scheduler": attempt.scheduler,
                "job_id": attempt.job_id,
                "submitted": iso(attempt.submitted) if attempt.submitted else None,
                "ended": iso(attempt.ended) if attempt.ended else None,
                "exit_code": attempt.exit_code,
                "evidence": attempt.evidence,
                "how": attempt.reason,
            }
            for attempt in workspace.journal.attempts(key)
        ],
        "usage": asdict(usage) if (usage := used(workspace, [key]).get(key)) else None,
        "settings": analysis.meta,
    }
    if as_json:
        show_json(told)
    else:
        show(dump(told).rstrip())
