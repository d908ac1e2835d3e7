"""``asimov cancel``: cancel analyses and stop their jobs."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.production import tell
from asimov.cli.selection import Selection, confirm, counted, selection_options, yes_option
from asimov.cli.terminal.output import say
from asimov.engine.rerun.requested import requested
from asimov.engine.set_state import cancel
from asimov.journal.keys import Key
from asimov.journal.reruns import Requests
from asimov.project.workspace import Workspace
from asimov.states import STATES


@click.command("cancel")
@selection_options
@click.option("--reason", help="Why; recorded in the log.")
@yes_option
def command(selection: Selection, reason: str | None, yes: bool) -> None:
    """Cancel analyses, and stop their jobs.

    This lists them first, and asks before it acts, unless you give --yes. Finished analyses and
    their results are left alone. If 'asimov rerun' has requested a new run and no pass has begun
    it, only that request is withdrawn: the analysis returns to its earlier state.
    'asimov production set SUBJECT/NAME --status ready' runs a cancelled one after all.

    \b
    Example:
      asimov cancel sunspots/detrend
      asimov cancel 'sun*' --state running --reason "wrong data"
    """
    selection.require()
    workspace = open_workspace(Use.ACT)
    chosen = selection.of(workspace)
    keys = [key for key in chosen if can_be(workspace.status(key))]
    restarts = requested(workspace, keys)
    requests = Requests(workspace.journal).all()
    waiting = [key for key in chosen if key in requests and key not in keys]
    if left := len(chosen) - len(keys) - len(waiting):
        say(f"{left} already finished or cancelled: left alone")
    if not keys and not waiting:
        return
    ended = [key for key in keys if key not in restarts]
    listed = [_line(workspace, key) for key in ended]
    listed += [f"{key}: {each}; it stays {each.before}" for key, each in restarts.items()]
    listed += [f"{key} ({workspace.status(key)}): {requests[key]}" for key in waiting]
    what = [f"cancel {counted(ended)}"] if ended else []
    what += ["withdraw these requests"] if restarts or waiting else []
    confirm(listed, yes, " and ".join(what))
    refused = tell(cancel(workspace, keys, reason, say, waiting))
    if refused:
        raise refused


def can_be(status: str) -> bool:
    """Return whether what is in a state can be cancelled."""
    return status != "cancelled" and not STATES[status].done


def _line(workspace: Workspace, key: Key) -> str:
    status, record = workspace.status(key), workspace.records.get(key)
    job = (None, None) if record is None else (record.job_id, record.job_state)
    return described(str(key), status, *job)


def described(name: str, status: str, job_id: int | None, job_state: str | None) -> str:
    """Return an analysis, its state and its job as a line."""
    with_job = job_id is not None and (STATES[status].active or job_state is not None)
    return f"{name} ({status}{f', job {job_id}' if with_job else ''})"
