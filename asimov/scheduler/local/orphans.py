"""What became of an attempt whose keeper was killed, and ending it where that is asked for."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from enum import Enum

from asimov.processes import Process, all_processes
from asimov.scheduler.local.claims import Claim, Life, read_claim
from asimov.scheduler.local.endings import Ending, Traces, read_ending, read_note


class Loss(Enum):
    """What is known of an attempt that left no ending."""

    UNSTARTED = "the process that was to start it was killed before it did"
    INTERRUPTED = "the machine was restarted while it ran"
    UNKNOWN = "taken for killed: every process that could tell how it ended was killed"


def outcome(traces: Traces) -> Ending | Loss | None:
    """Return how an attempt ended, as far as anything tells; None where it runs, or may run.

    Parameters
    ----------
    traces
        The attempt's files. A keeper that was just forked may have made no claim yet; whoever
        asks knows that it is dead.
    """
    try:
        claim = read_claim(traces.claim)
    except FileNotFoundError:
        return Loss.UNSTARTED
    return read_ending(traces.ending) or _of_dead_keeper(claim, traces)


def _of_dead_keeper(claim: Claim, traces: Traces) -> Ending | Loss | None:
    if claim.life is not Life.DEAD:
        return None
    if claim.pid and claim.this_boot and _runs(claim.pid, witnessed=claim.witnessed):
        return None
    # The keeper or the witness may have written it since.
    if ending := read_ending(traces.ending) or read_note(traces.note):
        return ending
    if not claim.this_boot:
        return Loss.INTERRUPTED
    # A program that was started would have been left to the witness.
    sure = claim.witnessed or not claim.pid or traces.note.is_symlink()
    return Loss.UNSTARTED if sure else Loss.UNKNOWN


def in_session(keeper: int) -> list[Process]:
    """Return the processes of a keeper's session, itself left out."""
    return [each for each in all_processes() if each.session == keeper and each.pid != keeper]


def _runs(keeper: int, *, witnessed: bool) -> bool:
    # The program leads a group; what it leaves behind does not, and is ended after it. A dead one
    # is waited for as long as there is a witness, who takes its exit code.
    return any(
        each.pid == each.group and (witnessed or not each.dead) for each in in_session(keeper)
    )


def signal_session(keeper: int, number: signal.Signals) -> None:
    """Send a signal to what is in a keeper's session."""
    for each in in_session(keeper):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each.pid, number)
            os.kill(each.pid, signal.SIGCONT)  # a stopped process would never see it
