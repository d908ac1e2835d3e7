"""``asimov status``."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

import click

from asimov.cli import table
from asimov.cli.opened import open_workspace
from asimov.engine.status import Row, ago, rows

_HEADINGS = ("subject", "name", "pipeline", "state", "job", "progress", "for", "waits for / why")


@click.command("status")
@click.argument("subject", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
@click.option("-w", "--watch", is_flag=True, help="Show it anew every two seconds.")
def command(subject: str | None, as_json: bool, watch: bool) -> None:
    """Show every analysis, or those of SUBJECT: state, job, what each waits for.

    \b
    Example:
      asimov status sunspots
      asimov status --json
    """
    workspace = open_workspace()
    found = rows(workspace, workspace.keys(subject))
    if as_json:
        click.echo(json.dumps([row.as_json() for row in found], indent=2))
        return
    if watch and sys.stdout.isatty():
        from rich.live import Live

        with Live(table.drawn(_HEADINGS, [_cells(row) for row in found]), screen=False) as live:
            while True:
                time.sleep(2)
                workspace.reload()
                found = rows(workspace, workspace.keys(subject))
                live.update(table.drawn(_HEADINGS, [_cells(row) for row in found]))
    if not found and not workspace.contents.broken:
        click.echo("There are no analyses yet; 'asimov apply' adds them")
        return
    table.show(_HEADINGS, [_cells(row) for row in found])
    while watch:
        time.sleep(2)
        workspace.reload()
        click.echo()
        table.show(_HEADINGS, [_cells(r) for r in rows(workspace, workspace.keys(subject))])


def _cells(row: Row) -> list[str]:
    job = str(row.job_id) if row.job_id is not None else ""
    if row.job_state and row.job_state != "running":
        job += f" {row.job_state}"
    why = "; ".join(row.waiting_for)
    if not why and row.status == "stuck":
        why = row.reason or ""
    return [
        row.subject,
        row.name,
        row.pipeline,
        row.status,
        job,
        row.progress or "",
        _time_in_state(row),
        why,
    ]


def _time_in_state(row: Row) -> str:
    if row.since is None:
        return ""
    since = datetime.fromisoformat(row.since.replace("Z", "+00:00")).timestamp()
    return ago(time.time() - since)
