"""Progress messages that a phase sends while it processes a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StatusMessage:
    """A step forward in a run.

    Parameters
    ----------
    phase
        What is being done: usually the phase's name, but any text.
    increment
        How much was done since the last message.
    total
        How much there is to do; 0 if that is not known.
    run
        The number of the run; -1 if the message is about none.
    """

    phase: str
    increment: int
    total: int
    run: int

    def __str__(self) -> str:
        return f"run {self.run}: {self.phase}"


def complete() -> StatusMessage:
    """Return the message after the last run."""
    return StatusMessage("Complete", 0, 0, -1)
