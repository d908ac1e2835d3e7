"""Claims: symbolic links that record which process handles an attempt, or runs the queue.

A link is made in one step, so an attempt is claimed only once: by its keeper, or by a new runner
that gives the attempt up.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NamedTuple

from asimov.system.processes import ProcessIdentity, this_boot, this_machine

_GIVEN_UP = "lost"
_NOBODY = ProcessIdentity(0, "")


class Life(Enum):
    """The state of the process that made a claim."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "on another machine"


class Claim(NamedTuple):
    """The content of a claim.

    Attributes
    ----------
    life
        The state of its process.
    process
        The process; its number is 0 where a runner gave the attempt up.
    this_boot
        Whether the claim was made since this machine was booted.
    witness
        The witness of the process (see `asimov.scheduler.local.witness`); number 0 where there is
        none.
    witnessed
        Whether the witness is alive.
    """

    life: Life
    process: ProcessIdentity = _NOBODY
    this_boot: bool = True
    witness: ProcessIdentity = _NOBODY
    witnessed: bool = False

    @property
    def pid(self) -> int:
        """The number of the process; 0 where a runner gave the attempt up."""
        return self.process.pid


def identity(witness: str = "") -> str:
    """Return the text of a claim by this process.

    Parameters
    ----------
    witness
        The witness's `ProcessIdentity` as text; empty where there is none.
    """
    return f"{ProcessIdentity.own()} {this_boot()} {this_machine()} {witness}".rstrip()


def claim(path: Path, text: str = _GIVEN_UP) -> bool:
    """Claim an attempt, or give it up; return False where it is already claimed."""
    try:
        path.symlink_to(text)
    except FileExistsError:
        return False
    return True


def given_up(path: Path) -> bool:
    """Return whether a runner gave an attempt up before a keeper claimed it."""
    return path.is_symlink() and str(path.readlink()) == _GIVEN_UP


def read_claim(path: Path) -> Claim:
    """Read a claim.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    """
    text = str(path.readlink())
    if text == _GIVEN_UP:
        return Claim(Life.DEAD)
    pid, start, boot, machine, *rest = text.split(" ")
    process = ProcessIdentity(int(pid), start)
    if machine != this_machine():
        return Claim(Life.ELSEWHERE, process)
    here = boot == this_boot()
    life = Life.ALIVE if here and process.alive else Life.DEAD
    witness = ProcessIdentity(int(rest[0]), rest[1]) if rest else _NOBODY
    return Claim(life, process, here, witness, here and witness.alive)
