"""``asimov mv``: rename an analysis or a subject."""

from __future__ import annotations

import click

from asimov.cli.ledger.removal import reason_option
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, warn
from asimov.engine.changes.renaming import look_over, rename


@click.command("mv")
@click.argument("old", metavar="SUBJECT[/NAME]")
@click.argument("new", metavar="NEW")
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only print what would change.")
@reason_option
def command(old: str, new: str, dry_run: bool, reason: str | None) -> None:
    """Rename an analysis or a subject; results, journal and repositories follow.

    Its state, attempts, log, review, run directory, stored results and pages stay with it, and its
    configuration is renamed in git. The 'needs' of other analyses are updated if they name it.
    Conditions are compared before and after, and a note says what they no longer match. Other
    settings that contain its name are left for you to change.

    Refused while it has a job. If the command is killed, the next one finishes what it began.

    \b
    Example:
      asimov mv sunspots/detrend sunspots/flat --dry-run
      asimov mv sunspots sun-2019 -m "its new name"
    """
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)
    if dry_run:
        done = look_over(workspace, old, new)
    else:
        done = rename(workspace, old, new, command="asimov mv", reason=reason)
    for note in done.notes:
        warn(f"note: {note}")
    for each in done.files:
        say(f"  {each.path} -> {each.to}")
    say(f"{'Would rename' if dry_run else 'Renamed'} {done.old} to {done.new}")
