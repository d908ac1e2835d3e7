"""``asimov monitor``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

import click

from asimov.cli.opened import broken, open_workspace, say
from asimov.engine.monitor import Pass, at_work, monitor
from asimov.errors import (
    EXIT_BUSY,
    EXIT_STUCK,
    EXIT_TIMED_OUT,
    EXIT_UNREACHABLE,
    AsimovError,
)
from asimov.states import STATES
from asimov.workspace import Workspace

#: Seconds between passes: a schedd that many people share is asked once a minute.
_INTERVAL = {"local": 0.5}


@click.command("monitor")
@click.argument("subject", required=False)
@click.option("-c", "--chain", is_flag=True, help="Build and submit what has become ready.")
@click.option("-w", "--watch", is_flag=True, help="Make passes until interrupted.")
@click.option("--until-idle", is_flag=True, help="Make passes until there is nothing to wait for.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up waiting after this time.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Between passes."
)
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Say what would happen; one pass.")
def command(
    subject: str | None,
    chain: bool,
    watch: bool,
    until_idle: bool,
    timeout: float | None,
    interval: float | None,
    dry_run: bool,
) -> None:
    """See what has happened to jobs, and move analyses on.

    One pass, unless --watch or --until-idle is given.

    \b
    Exit codes: 0 all is well; with --until-idle:
      0  nothing is left to do, apart from what a person has set aside
      3  idle, and something is stuck, blocked or not submitted
      4  timed out
      5  the scheduler can't be reached
    And always: 6  another asimov is at work in this project.

    \b
    Example:
      asimov monitor --chain
      asimov monitor --chain --until-idle --timeout 3600
    """
    if timeout is not None and not (until_idle or watch):
        raise click.UsageError("--timeout goes with --until-idle or --watch")
    workspace = open_workspace()
    if not (watch or until_idle) or dry_run:
        outcome = _one(workspace, subject, chain, dry_run)
        _summarise(outcome, chain)
        if outcome.unreachable:
            sys.exit(EXIT_UNREACHABLE)
        return
    if interval is None:
        interval = _seconds(workspace, "interval", _INTERVAL.get(workspace.scheduler_name, 60))
    deadline = None if timeout is None else time.monotonic() + timeout
    code = _repeat(workspace, subject, chain, until_idle, interval, deadline)
    sys.exit(code)


def _one(
    workspace: Workspace,
    subject: str | None,
    chain: bool,
    dry_run: bool,
    report: Callable[[str], None] = say,
) -> Pass:
    if dry_run:
        return monitor(workspace, report, subject=subject, chain=chain, dry_run=True)
    with at_work(workspace, "asimov monitor"):
        return monitor(workspace, report, subject=subject, chain=chain)


def _repeat(
    workspace: Workspace,
    subject: str | None,
    chain: bool,
    until_idle: bool,
    interval: float,
    deadline: float | None,
) -> int:
    said = Said(broken(workspace))
    answered = time.monotonic()
    patience = _seconds(workspace, "patience", 600)
    first = True
    while True:
        outcome = None
        said.next_pass()
        try:
            workspace.reload()
            for line in broken(workspace):
                said(line)
            outcome = _one(workspace, subject, chain, False, said)
        except AsimovError as error:
            # A watch outlives a ledger that somebody is just editing, and another command at work.
            if until_idle and (first or error.exit_code != EXIT_BUSY):
                raise
            said(str(error))
        first = False
        if outcome is not None:
            if until_idle and not (outcome.active or outcome.unreachable):
                _summarise(outcome, chain)
                return 0 if outcome.all_done else EXIT_STUCK
            if not outcome.unreachable and outcome.active > outcome.lost:
                answered = time.monotonic()
            for line in (*outcome.unreachable, _counts(outcome)):
                said(line)
            if until_idle and time.monotonic() - answered > patience:
                _summarise(outcome, chain)
                return EXIT_UNREACHABLE if outcome.unreachable else EXIT_STUCK
        if deadline is not None and time.monotonic() + interval > deadline:
            if outcome is not None and outcome.unreachable:
                return EXIT_UNREACHABLE
            say("timed out" if until_idle else "the time is up")
            return EXIT_TIMED_OUT if until_idle else 0
        time.sleep(interval)


def _seconds(workspace: Workspace, option: str, otherwise: float) -> float:
    """Return an option of ``[monitor]``."""
    text = workspace.project.config.get("monitor", option, fallback=str(otherwise))
    try:
        return float(text)
    except ValueError:
        raise AsimovError(
            f"monitor/{option} should be a number of seconds, and is {text!r}",
            hint=f"asimov configuration update monitor/{option} {otherwise:g}",
        ) from None


class Said:
    """Prints lines, save those that are known or that the pass before has printed as well."""

    def __init__(self, known: Iterable[str]) -> None:
        self._before: set[str] = set()
        self._now = set(known)

    def next_pass(self) -> None:
        """Begin another pass."""
        self._before, self._now = self._now, set()

    def __call__(self, line: str) -> None:
        """Print a line, unless it says nothing new."""
        self._now.add(line)
        if line not in self._before:
            say(line)


def _counts(outcome: Pass) -> str:
    return ", ".join(f"{outcome.counts[s]} {s}" for s in STATES if outcome.counts.get(s)) or "empty"


def _summarise(outcome: Pass, chain: bool) -> None:
    say(_counts(outcome))
    for line in outcome.unreachable:
        say(f"the scheduler can't be asked: {line}")
    if outcome.startable and not chain and not outcome.active:
        say(f"{outcome.startable} can be built and submitted: 'asimov monitor --chain' does both")
    if outcome.counts.get("stuck") or outcome.blocked:
        say("some need a person: 'asimov status' shows them, 'asimov log' tells why")
