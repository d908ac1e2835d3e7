"""``asimov manage build`` and ``asimov manage submit``."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import click

from asimov.cli.opened import open_workspace, say
from asimov.engine import build, monitor, submit
from asimov.engine.result import Result
from asimov.errors import EXIT_ERROR

_event = click.option("-e", "--event", "--subject", "subject", help="Only this subject.")
_dry_run = click.option(
    "-d", "-n", "--dryrun", "--dry-run", "dry_run", is_flag=True, help="Print; touch nothing."
)


@click.group("manage", chain=True)
def command() -> None:
    """Build configurations and submit analyses.

    \b
    Example:
      asimov manage build submit
      asimov manage build --event sunspots --dry-run
    """


@command.result_callback()
def _end(went_well: list[bool]) -> None:
    # At the end: what could be built is submitted although something else could not.
    if not all(went_well):
        sys.exit(EXIT_ERROR)


@command.command("build")
@_event
@_dry_run
@click.option("--force", is_flag=True, help="Render anew what was edited by hand.")
def build_command(subject: str | None, dry_run: bool, force: bool) -> bool:
    """Render and commit the configuration of each analysis that is ready.

    \b
    Example:
      asimov manage build --event sunspots
    """
    workspace = open_workspace()
    with nullcontext() if dry_run else monitor.at_work(workspace, "asimov manage build"):
        keys = workspace.keys(subject)
        if not dry_run:
            workspace.adopt()
        result = build.build(workspace, keys, say, dry_run=dry_run, force=force)
    return _tell(result, "built", "nothing to build", dry_run)


@command.command("submit")
@_event
@_dry_run
def submit_command(subject: str | None, dry_run: bool) -> bool:
    """Submit each analysis that is built.

    \b
    Example:
      asimov manage submit --dry-run
    """
    workspace = open_workspace()
    with nullcontext() if dry_run else monitor.at_work(workspace, "asimov manage submit"):
        keys = workspace.keys(subject)
        if not dry_run:
            workspace.adopt()
            workspace.scheduler().wake()
        result = submit.submit(workspace, keys, say, dry_run=dry_run)
    return _tell(result, "submitted", "nothing to submit", dry_run)


def _tell(result: Result, done: str, nothing: str, dry_run: bool) -> bool:
    parts = [f"{len(result.done)} {'would be ' if dry_run else ''}{done}"] if result.done else []
    if result.unchanged:
        parts.append(f"{len(result.unchanged)} as they were")
    if result.waiting:
        parts.append(f"{len(result.waiting)} wait for others (see 'asimov status')")
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    say(", ".join(parts) or nothing)
    return not result.failed
