"""Find out how an attempt whose keeper was killed ended, and signal what is left of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from enum import Enum

from asimov.scheduler.local.claims import Claim, Life, read_claim
from asimov.scheduler.local.endings import Ending, Traces, read_ending, read_note
from asimov.scheduler.local.keeper import has_mark
from asimov.system.processes import Process, all_processes, look_at

#: A program that started at most this long after its keeper is the keeper's own, in seconds.
_AT_ONCE = 5.0


class Loss(Enum):
    """Why an attempt left no ending."""

    UNSTARTED = "the process that should have started it was killed first"
    INTERRUPTED = "the machine was restarted while it ran"
    UNKNOWN = "presumed killed: every process that could record how it ended was killed"


def outcome(traces: Traces, mark: str) -> Ending | Loss | None:
    """Return how an attempt ended, from all evidence; None where it runs, or may run.

    Parameters
    ----------
    traces
        The attempt's files. A keeper that was just forked may not have claimed it yet; callers ask
        only about a keeper that is dead.
    mark
        The attempt's mark.
    """
    try:
        claim = read_claim(traces.claim)
    except FileNotFoundError:
        return Loss.UNSTARTED
    return read_ending(traces.ending) or _without_keeper(claim, traces, mark)


def _without_keeper(claim: Claim, traces: Traces, mark: str) -> Ending | Loss | None:
    if claim.life is not Life.DEAD:
        return None
    if claim.this_boot and _program_runs(claim, mark):
        return None
    # The keeper or the witness may have written it in the meantime.
    if ending := read_ending(traces.ending) or read_note(traces.note):
        return ending
    if not claim.this_boot:
        return Loss.INTERRUPTED
    # A program that had been started would have been left to the witness.
    sure = claim.witnessed or not claim.pid or traces.note.is_symlink()
    return Loss.UNSTARTED if sure else Loss.UNKNOWN


def in_session(keeper: int) -> list[Process]:
    """Return the processes in a keeper's session, without the keeper."""
    return [each for each in all_processes() if each.session == keeper and each.pid != keeper]


def left_by(claim: Claim, mark: str) -> list[Process]:
    """Return the processes left of an attempt whose keeper was killed.

    The system reuses the number of a session once it is empty. All processes of a session descend
    from one leader, so one that certainly descends from the keeper proves it for the others.
    """
    leader = look_at(claim.pid) if claim.pid else None
    if not claim.pid or (leader and str(leader.start) != claim.process.start):
        return []
    found = in_session(claim.pid)
    return found if any(_descends(each, claim, mark) for each in found) else []


def _descends(process: Process, claim: Claim, mark: str) -> bool:
    """Return whether a process in a keeper's session certainly descends from that keeper.

    The mark can't be seen on a dead process, on another user's, or on one that cleared it.
    """
    after = (process.start - int(claim.process.start)) / os.sysconf("SC_CLK_TCK")
    adopted = claim.witnessed and process.parent == claim.witness.pid
    return adopted or 0 <= after <= _AT_ONCE or has_mark(process.pid, mark)


def _program_runs(claim: Claim, mark: str) -> bool:
    # The program leads a process group; what it leaves behind does not, and is ended after it. A
    # dead program counts as running while there is a witness, which reads its exit code.
    return any(
        each.pid == each.group and (claim.witnessed or not each.dead)
        for each in left_by(claim, mark)
    )


def signal_left(claim: Claim, mark: str, number: signal.Signals) -> None:
    """Send a signal to the processes left of an attempt whose keeper was killed."""
    for each in left_by(claim, mark):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each.pid, number)
            os.kill(each.pid, signal.SIGCONT)  # a stopped process would never see it
