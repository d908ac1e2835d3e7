"""What became of an attempt whose keeper was killed, and ending it where that is asked for."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from enum import Enum

from asimov.scheduler.local.claims import Claim, Life, read_claim
from asimov.scheduler.local.endings import Ending, Traces, read_ending, read_note
from asimov.scheduler.local.keeper import carries
from asimov.system.processes import Process, all_processes, look_at

#: A program that was started this long after its keeper at most is its own, in seconds.
_AT_ONCE = 5.0


class Loss(Enum):
    """What is known of an attempt that left no ending."""

    UNSTARTED = "the process that was to start it was killed before it did"
    INTERRUPTED = "the machine was restarted while it ran"
    UNKNOWN = "taken for killed: every process that could tell how it ended was killed"


def outcome(traces: Traces, mark: str) -> Ending | Loss | None:
    """Return how an attempt ended, as far as anything tells; None where it runs, or may run.

    Parameters
    ----------
    traces
        The attempt's files. A keeper that was just forked may have made no claim yet; whoever
        asks knows that it is dead.
    mark
        The attempt's mark.
    """
    try:
        claim = read_claim(traces.claim)
    except FileNotFoundError:
        return Loss.UNSTARTED
    return read_ending(traces.ending) or _of_dead_keeper(claim, traces, mark)


def _of_dead_keeper(claim: Claim, traces: Traces, mark: str) -> Ending | Loss | None:
    if claim.life is not Life.DEAD:
        return None
    if claim.this_boot and _runs(claim, mark):
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


def left_by(claim: Claim, mark: str) -> list[Process]:
    """Return what is left of an attempt whose keeper was killed.

    The system gives the number of a session to others once it is empty. All of a session comes of
    one leader, so one process in it that surely comes of the keeper tells of the others.
    """
    leader = look_at(claim.pid) if claim.pid else None
    if not claim.pid or (leader and leader.start != claim.start):
        return []
    found = in_session(claim.pid)
    return found if any(_is_known(each, claim, mark) for each in found) else []


def _is_known(process: Process, claim: Claim, mark: str) -> bool:
    """Say whether a process in a keeper's session surely comes of that keeper.

    The mark can't be seen of a dead process, of another user's, and of one that cleared it.
    """
    after = (process.start - claim.start) / os.sysconf("SC_CLK_TCK")
    adopted = claim.witnessed and process.parent == claim.witness
    return adopted or 0 <= after <= _AT_ONCE or carries(process.pid, mark)


def _runs(claim: Claim, mark: str) -> bool:
    # The program leads a group; what it leaves behind does not, and is ended after it. A dead one
    # is waited for as long as there is a witness, who takes its exit code.
    return any(
        each.pid == each.group and (claim.witnessed or not each.dead)
        for each in left_by(claim, mark)
    )


def signal_left(claim: Claim, mark: str, number: signal.Signals) -> None:
    """Send a signal to what is left of an attempt whose keeper was killed."""
    for each in left_by(claim, mark):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each.pid, number)
            os.kill(each.pid, signal.SIGCONT)  # a stopped process would never see it
