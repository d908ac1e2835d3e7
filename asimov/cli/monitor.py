"""``asimov monitor``: check on jobs and advance analyses, once or repeatedly."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from asimov.cli.open_project import Use, open_workspace, warn_of_notifications
from asimov.cli.terminal.interval import interval_option
from asimov.cli.terminal.output import say, warn
from asimov.cli.terminal.seconds import Seconds
from asimov.engine.attendance import attendance
from asimov.engine.monitor import monitor, run_pass
from asimov.engine.watch import Watch
from asimov.engine.watch_intervals import watch_intervals
from asimov.errors import EXIT_ERROR, EXIT_UNREACHABLE
from asimov.project.workspace import Workspace
from asimov.system import clock
from asimov.system.processes import ProcessIdentity, started_at


@click.command("monitor")
@click.argument("subject", required=False)
@click.option("-c", "--chain", is_flag=True, help="Build and submit analyses that are ready.")
@click.option("-w", "--watch", is_flag=True, help="Repeat until interrupted.")
@click.option("--until-idle", is_flag=True, help="Repeat until nothing is left to wait for.")
@click.option(
    "--timeout",
    type=Seconds(min=0),
    metavar="SECONDS",
    help="Stop waiting after this time.",
)
@interval_option
@click.option(
    "--while",
    "beside",
    type=click.IntRange(min=1),
    metavar="PID",
    help="End, after the pass under way, when this process of this machine has ended.",
)
@click.option(
    "-n", "--dry-run", "--dryrun", is_flag=True, help="Only print what one pass would do."
)
def command(
    subject: str | None,
    chain: bool,
    watch: bool,
    until_idle: bool,
    timeout: float | None,
    interval: float | None,
    beside: int | None,
    dry_run: bool,
) -> None:
    """Check on jobs, and advance their analyses.

    This makes one pass, unless --watch or --until-idle is given. Ctrl-C ends these at any time, and
    jobs keep running. Each line of --watch has the time; on a terminal, of --until-idle as well.

    \b
    Exit codes: 0 success; 1 in one pass with --chain, a build failed.
    With --until-idle:
      0  everything is done, apart from analyses that a person has set aside
      3  idle, but something is stuck, blocked, not submitted or missing from the ledger
      4  timed out
      5  the scheduler can't be reached
    With any option: 6  another asimov process is using this project.

    \b
    Example:
      asimov monitor --chain
      asimov monitor --chain --until-idle --timeout 3600
    """
    asked = {"--timeout": timeout, "--interval": interval, "--while": beside}
    for option, given in asked.items():
        if given is not None and not (until_idle or watch):
            raise click.UsageError(f"{option} needs --until-idle or --watch")
    workspace = open_workspace(Use.acting(dry_run=dry_run), whole=True)
    warn_of_notifications(workspace)
    if not (watch or until_idle) or dry_run:
        if dry_run:
            outcome = monitor(workspace, say, subject=subject, chain=chain, dry_run=True)
        else:
            outcome = run_pass(workspace, say, subject=subject, chain=chain)
        for line in outcome.summary(chain=chain):
            say(line)
        if outcome.unreachable:
            sys.exit(EXIT_UNREACHABLE)
        if outcome.failed:
            sys.exit(EXIT_ERROR)
        return
    intervals = watch_intervals(workspace, interval)
    if intervals.note:
        warn(intervals.note)
    report = _say_with_time if watch or sys.stdout.isatty() else say
    watch_loop = Watch(
        workspace, report, subject, chain, until_idle, intervals.passes, intervals.looks, timeout,
        None if beside is None else ProcessIdentity(beside, started_at(beside) or ""),
    )  # fmt: skip
    try:
        code = watch_loop.run()
    except KeyboardInterrupt:
        _tell_what_continues(workspace)
        raise
    sys.exit(code)


def _say_with_time(line: str) -> None:
    say(f"{datetime.fromtimestamp(clock.now()):%H:%M:%S} {line}")


def _tell_what_continues(workspace: Workspace) -> None:
    """Tell the person who pressed Ctrl-C which jobs go on, and who looks after them."""
    jobs = len(workspace.journal.open_attempts())
    there = {0: "no job is", 1: "1 job is still"}.get(jobs, f"{jobs} jobs are still")
    found = attendance(workspace)
    if found.keeper:
        then = f"The background monitor keeps running: {found.runs}"
    elif jobs:
        then = "'asimov monitor' checks on them again; 'asimov start' does so in the background"
    else:
        then = "'asimov status' shows what is left"
    warn(f"stopped watching; {there} in the queue. {then}")
