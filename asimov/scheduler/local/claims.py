"""Claims: symbolic links that say which process has a part of the queue in hand.

A link is made in one step, so that an attempt is claimed once: by its keeper, or by a new runner
that gives it up.
"""

from __future__ import annotations

import os
from contextlib import suppress
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from asimov.system.processes import started_at, this_boot

_LOST = "lost"


class Life(Enum):
    """What became of the process that made a claim."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "on another machine"


class Claim(NamedTuple):
    """What a claim says.

    Attributes
    ----------
    life
        What became of its process.
    pid
        The process; 0 where a runner gave the attempt up.
    this_boot
        Whether it was made since this machine was started.
    witnessed
        Whether the witness of its process lives (see `asimov.scheduler.local.witness`).
    start
        When the process was started, in clock ticks since the boot.
    witness
        The witness's process; 0 where there was none.
    """

    life: Life
    pid: int
    this_boot: bool = True
    witnessed: bool = False
    start: int = 0
    witness: int = 0


@lru_cache(maxsize=1)
def this_machine() -> str:
    """Return what tells this machine from others."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text().strip() or os.uname().nodename
    return os.uname().nodename


def identity(witness: str = "") -> str:
    """Return what tells this process from every other, for a claim.

    Parameters
    ----------
    witness
        The process id and the start of the witness, where there is one.
    """
    own = f"{os.getpid()} {started_at(os.getpid())} {this_boot()} {this_machine()}"
    return f"{own} {witness}".rstrip()


def claim(path: Path, text: str = _LOST) -> bool:
    """Claim an attempt; return False where it is claimed already."""
    try:
        path.symlink_to(text)
    except FileExistsError:
        return False
    return True


def abandoned(path: Path) -> bool:
    """Whether an attempt was given up by a runner before a keeper claimed it."""
    return path.is_symlink() and str(path.readlink()) == _LOST


def read_claim(path: Path) -> Claim:
    """Return what a claim says.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    """
    text = str(path.readlink())
    if text == _LOST:
        return Claim(Life.DEAD, 0)
    pid, start, boot, machine, *witness = text.split(" ")
    if machine != this_machine():
        return Claim(Life.ELSEWHERE, int(pid))
    here = boot == this_boot()
    alive = here and started_at(int(pid)) == start
    watched = here and bool(witness) and started_at(int(witness[0])) == witness[1]
    life = Life.ALIVE if alive else Life.DEAD
    return Claim(life, int(pid), here, watched, int(start), int(witness[0]) if witness else 0)
