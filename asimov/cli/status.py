"""``asimov status``: show the state of analyses, or the resources that they used."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from datetime import datetime

import click

from asimov import text
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal import table
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.attendance import attendance
from asimov.engine.status import LOST, Row, rows, without_entry
from asimov.engine.usage import total, used
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.scheduler import Usage
from asimov.system import clock

_HEADINGS = ("subject", "name", "pipeline", "state", "job", "progress", "for", "waits for / why")

#: The columns of ``--usage``: times as hours:minutes:seconds, memory in MB.
_USED = [
    *("subject", "name", "wall time", "CPU time", "CPU/wall", "memory", "asked for"),
    *("slots", "jobs", "restarts"),
]

#: The most things that an analysis waits for to show; ``--json`` lists them all.
_SHOWN = 3


@click.command("status")
@selection_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
@click.option("-w", "--watch", is_flag=True, help="Update every two seconds.")
@click.option("--monitor", is_flag=True, help="Show only whether a monitor is alive.")
@click.option(
    "-u", "--usage", "with_usage", is_flag=True, help="Show the resources that finished jobs used."
)
def command(
    selection: Selection, as_json: bool, watch: bool, monitor: bool, with_usage: bool
) -> None:
    """Show the state and job of each analysis, and what it waits for.

    With patterns and filters, this shows only the analyses that they select. The last line says
    whether a monitor is alive and when it last looked.

    \b
    Example:
      asimov status sunspots
      asimov status 'sun*/detrend*' --state stuck
      asimov status --json
      asimov status --usage
      asimov status --monitor --json
    """
    if with_usage and watch:
        raise click.UsageError("--usage and --watch can't be combined")
    workspace = open_workspace(Use.READ)
    if monitor:
        _monitor(workspace, as_json=as_json)
        return
    if with_usage:
        _usage(workspace, selection, as_json)
        return
    found = _rows(workspace, selection)
    if as_json:
        show_json([row.as_json() for row in found])
        if warning := attendance(workspace).warning:
            warn(f"warning: {warning}")
        return
    if watch and sys.stdout.isatty():
        from rich.live import Live

        with Live(table.drawn(*_table(found)), screen=False) as live:
            while True:
                time.sleep(2)
                workspace.reload()
                found = _rows(workspace, selection)
                live.update(table.drawn(*_table(found)))
    if not found and not workspace.contents.broken:
        say("No analyses yet; 'asimov apply -f FILE' adds some")
        return
    table.show(*_table(found))
    if not watch:
        _monitor(workspace)
    while watch:
        time.sleep(2)
        workspace.reload()
        say()
        table.show(*_table(_rows(workspace, selection)))


def _monitor(workspace: Workspace, *, as_json: bool = False) -> None:
    found = attendance(workspace)
    if as_json:
        show_json(found.as_json())
        return
    say(found.line())
    if found.warning:
        warn(f"warning: {found.warning}")


def _rows(workspace: Workspace, selection: Selection) -> list[Row]:
    hidden = {Key(row.subject, row.name): row for row in without_entry(workspace)}
    keys = selection.of(workspace, more=hidden, may_be_empty=True)
    found = rows(workspace, [key for key in keys if key not in hidden])
    return found + [hidden[key] for key in keys if key in hidden]


def _usage(workspace: Workspace, selection: Selection, as_json: bool) -> None:
    keys = selection.of(workspace, may_be_empty=True)
    found = used(workspace, keys if selection.given else None)
    if as_json:
        shown = [
            {"subject": key[0], "name": key[1], **asdict(found[key])}
            for key in keys
            if key in found
        ]
        show_json(shown)
        return
    cells = [[*key, *_used(found[key])] for key in keys if key in found]
    if not cells:
        say("No usage data yet: it appears when jobs have ended")
        return
    table.show(
        _USED, [*cells, ["", "total", *_used(total(found[key] for key in keys if key in found))]]
    )


def _used(usage: Usage) -> list[str]:
    asked = usage.memory_requested_mb
    busy = (
        usage.cpu_seconds / usage.wall_seconds if usage.cpu_seconds and usage.wall_seconds else None
    )
    return [
        duration(usage.wall_seconds),
        "" if usage.cpu_seconds is None else duration(usage.cpu_seconds),
        "" if busy is None else f"{busy:.0%}",
        "" if usage.memory_mb is None else f"{usage.memory_mb:.0f}",
        "" if asked is None else f"{asked:.0f}",
        "" if usage.slots is None else str(usage.slots),
        str(usage.processes),
        str(usage.restarts),
    ]


def _table(found: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of the columns that are not empty."""
    cells = [_cells(row) for row in found]
    kept = [i for i in range(len(_HEADINGS)) if any(row[i] for row in cells)]
    return [_HEADINGS[i] for i in kept], [[row[i] for i in kept] for row in cells]


def _cells(row: Row) -> list[str]:
    job = str(row.job_id) if row.job_id is not None else ""
    lost = row.job_state == LOST
    if row.job_state and row.job_state != "running" and not lost:
        job += f" {row.job_state}"
    why = text.joined(*row.waiting_for[:_SHOWN])
    if len(row.waiting_for) > _SHOWN:
        why += f" and {len(row.waiting_for) - _SHOWN} more"
    if not why and row.status == "stuck":
        why = row.reason or ""
    return [
        row.subject,
        row.name,
        row.pipeline,
        LOST if lost and row.status != "stuck" else row.status,
        job,
        row.progress or "",
        _time_in_state(row),
        why,
    ]


def duration(seconds: float) -> str:
    """Format a duration in seconds as ``hours:minutes:seconds``."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}"


def _time_in_state(row: Row) -> str:
    if row.since is None:
        return ""
    since = datetime.fromisoformat(row.since.replace("Z", "+00:00")).timestamp()
    return clock.age(clock.now() - since)
