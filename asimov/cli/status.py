"""``asimov status``: show the state of analyses, or the resources that they used."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import click
from msgspec import structs

from asimov.cli.open_project import Use, open_workspace, warn_of_notifications
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal import status_table, table
from asimov.cli.terminal.colours import wanted
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.attendance import attendance
from asimov.engine.notifications.overview import notification_warnings
from asimov.engine.plain_data.rows import selected_rows
from asimov.engine.usage import total, used
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.scheduler import Usage
from asimov.system.readers import unread
from asimov.text import listed

#: Seconds between two looks of ``--watch``.
_LOOK = 2.0

#: The columns of ``--usage``: times as hours:minutes:seconds, memory in MB.
_USED = [
    *("analysis", "wall time", "CPU time", "CPU/wall", "memory", "requested"),
    *("slots", "jobs", "restarts"),
]


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

    Totals come first, then the analyses that need a person, then the rest. "idle" means that the
    job waits for a machine; the run time counts from its start. With patterns and filters, this
    shows only the analyses that they select. The last line says whether a monitor is alive and when
    it last looked.

    \b
    Example:
      asimov status sunspots
      asimov status 'sun*/detrend*' --state stuck
      asimov status --json
      asimov status --usage
      asimov status --monitor --json
    """
    check(as_json, watch, with_usage)
    workspace = open_workspace(Use.READ)
    if monitor:
        _monitor(workspace, as_json=as_json)
        return
    if with_usage:
        _usage(workspace, selection, as_json)
        return
    found = selected_rows(workspace, selection)
    if as_json:
        show_json([row.as_json() for row in found])
        if warning := attendance(workspace).warning:
            warn(f"warning: {warning}")
        warn_of_notifications(workspace)
        return
    if watch and sys.stdout.isatty():
        _live(workspace, selection)
        return
    if not found and not workspace.contents.broken:
        say_none(selection)
        return
    status_table.show(found)
    if not watch:
        _monitor(workspace)
        warn_of_notifications(workspace)
    while watch and not unread():
        time.sleep(_LOOK)
        workspace.reload()
        say()
        status_table.show(selected_rows(workspace, selection))


def check(as_json: bool, watch: bool, with_usage: bool) -> None:
    """Refuse options that don't go together.

    Raises
    ------
    click.UsageError
        If there are such.
    """
    if with_usage and watch:
        raise click.UsageError("--usage and --watch can't be combined")
    if as_json and watch:
        raise click.UsageError("--json and --watch can't be combined")


def say_none(selection: Selection) -> None:
    """Say that there is nothing to show."""
    if selection.filtered:
        say("No analysis matches")
        return
    of = f" of {listed(selection.patterns)}" if selection.patterns else ""
    say(f"No analyses{of} yet; 'asimov apply -f FILE' adds some")


def _live(workspace: Workspace, selection: Selection) -> None:
    """Show what fits the screen, again and again, until Ctrl-C."""
    from rich.console import Console
    from rich.live import Live

    console = Console(color_system="auto" if wanted() else None)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            present = attendance(workspace)
            last = [present.line(), f"warning: {present.warning}" if present.warning else ""]
            last += [f"warning: {line}" for line in notification_warnings(workspace)]
            found = selected_rows(workspace, selection)
            live.update(status_table.on_screen(found, last, console), refresh=True)
            time.sleep(_LOOK)
            workspace.reload()


def _monitor(workspace: Workspace, *, as_json: bool = False) -> None:
    found = attendance(workspace)
    if as_json:
        show_json(found.as_json())
        return
    say(found.line())
    if found.warning:
        warn(f"warning: {found.warning}")


def _usage(workspace: Workspace, selection: Selection, as_json: bool) -> None:
    keys = selection.of(workspace, may_be_empty=True)
    found = used(workspace, keys if selection.given else None)
    if as_json:
        shown = [
            {"subject": key[0], "name": key[1], **structs.asdict(found[key])}
            for key in keys
            if key in found
        ]
        show_json(shown)
        return
    show_usage({key: found[key] for key in keys if key in found})


def show_usage(found: Mapping[Key, Usage]) -> None:
    """Print what analyses used, and the total."""
    cells = [[str(key), *_used(usage)] for key, usage in found.items()]
    if not cells:
        say("No usage data yet: it appears when jobs have ended")
        return
    table.show(_USED, [*cells, ["total", *_used(total(found.values()))]])


def _used(usage: Usage) -> list[str]:
    asked = usage.memory_requested_mb
    busy = (
        usage.cpu_seconds / usage.wall_seconds if usage.cpu_seconds and usage.wall_seconds else None
    )
    return [
        status_table.duration(usage.wall_seconds),
        "" if usage.cpu_seconds is None else status_table.duration(usage.cpu_seconds),
        "" if busy is None else f"{busy:.0%}",
        "" if usage.memory_mb is None else f"{usage.memory_mb:.0f}",
        "" if asked is None else f"{asked:.0f}",
        "" if usage.slots is None else str(usage.slots),
        str(usage.processes),
        str(usage.restarts),
    ]
