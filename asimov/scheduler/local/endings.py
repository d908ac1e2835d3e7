"""How an attempt ended, on disk: what a runner reads that comes after a crash.

Two files tell of it. The *note* is a symbolic link with the bare result, made in one step before
the kernel forgets the result; the *ending* has the use of resources too, and is synced.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

#: The note of an attempt that was claimed and never started.
UNSTARTED = "unstarted"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, or why it could not be started (`held`, with HTCondor's codes).

    Attributes
    ----------
    asked
        Whether it was asked to end; what ended by itself keeps its exit code, whatever was asked
        for in the meantime.
    """

    exit_code: int | None = None
    signal: int | None = None
    held: str | None = None
    code: int = 0
    subcode: int = 0
    started: float = 0.0
    ended: float = 0.0
    user: float = 0.0
    system: float = 0.0
    memory_mb: float | None = None
    asked: bool = False


class Traces(NamedTuple):
    """The files of an attempt in the queue's folder: who has it in hand, and how it ended."""

    claim: Path
    note: Path
    ending: Path

    def ended(self) -> bool:
        """Whether anything tells how it ended."""
        return self.ending.exists() or self.note.is_symlink()


def traces(folder: Path, stem: str) -> Traces:
    """Return the files of an attempt, which are named after it."""
    return Traces(*(folder / f"{stem}.{kind}" for kind in ("claim", "code", "end")))


def code_of(told: os.waitid_result) -> int:
    """Return what `waitid` tells of an end, as `os.waitstatus_to_exitcode` does."""
    return told.si_status if told.si_code == os.CLD_EXITED else -told.si_status


def result(code: int) -> tuple[int | None, int | None]:
    """Return an exit code and a signal, one of them None, from a code as Python has it."""
    return (code, None) if code >= 0 else (None, -code)


def note_of(code: int, *, asked: bool) -> str:
    """Return the note of a program that has ended; `code` is negative for a signal."""
    return f"{code} {int(asked)}"


def write_note(path: Path, text: str) -> None:
    """Note how an attempt ended; on a full disk this waits until there is room."""
    while True:
        try:
            path.symlink_to(text)
        except (FileExistsError, FileNotFoundError):  # the project was deleted
            return
        except OSError:
            time.sleep(1)
        else:
            return


def read_ending(path: Path) -> Ending | None:
    """Return the ending of an attempt; None where nobody wrote it."""
    try:
        return Ending(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return None


def read_note(path: Path) -> Ending | None:
    """Return how an attempt ended by its note, for one that has no ending."""
    try:
        code, asked = map(int, str(path.readlink()).split())
        when = path.lstat().st_mtime
    except (OSError, ValueError):  # there is none, or it says that nothing was started
        return None
    exit_code, signal = result(code)
    return Ending(exit_code, signal, started=when, ended=when, asked=bool(asked))


def write_ending(path: Path, ending: Ending) -> None:
    """Write how an attempt ended; on a full disk this waits until there is room."""
    text = json.dumps({name: getattr(ending, name) for name in Ending.__slots__}).encode()
    temporary = path.with_name(f"{path.name}.part")
    while True:
        try:
            with temporary.open("wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.rename(path)
        except FileNotFoundError:
            return  # the project was deleted
        except OSError:
            time.sleep(1)
        else:
            return
