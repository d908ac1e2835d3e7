"""Map each status of an analysis in asimov 0.5 to 0.8 to a state of this version."""

from __future__ import annotations

from typing import NamedTuple

from asimov.states import STATES

#: States with a job; whether there still is one, the scheduler says.
WITH_JOB = frozenset({"running", "processing", "stop"})
#: The states of both programs that mean the same.
SAME = frozenset(
    {"ready", "wait", "finished", "uploaded", "stuck", "stopped", "cancelled", "manual"}
)


class Became(NamedTuple):
    """A state here.

    Attributes
    ----------
    status
        Its name.
    remark
        What a person should know about the change; None if there is nothing.
    """

    status: str
    remark: str | None = None


def mapped(status: str, *, stored: bool, program: str) -> Became:
    """Return the state here for a state there.

    Parameters
    ----------
    status
        The state there, in any case.
    stored
        Whether the results store has files of the analysis.
    program
        The program with its release: ``asimov 0.8.0``.
    """
    name = status.lower()
    if name in SAME or name in WITH_JOB:
        return Became(name)
    if name == "complete":
        return Became("uploaded" if stored else "finished")
    if name == "unready":
        return Became("wait")
    if name == "restart":
        never = ", which 0.8 never acted on" if program.startswith("asimov 0.8") else ""
        return Became(
            "wait",
            f"was 'restart'{never}; it waits, and "
            "'asimov production set ... --status ready' runs it",
        )
    if name in STATES:
        return Became(name)
    return Became("wait", f"was in the state {status!r}, which asimov does not know here; it waits")
