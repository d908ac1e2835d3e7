"""How an attempt ended, on disk, where a runner that starts after a crash finds it.

There are two files. The *note* is a symbolic link with the bare result, made in one step before
the kernel forgets the result; the *ending* also has the resources used, and is synced.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

#: The note of an attempt that was claimed and never started.
UNSTARTED = "unstarted"


class Ending(msgspec.Struct, frozen=True):
    """How a process ended, or why it could not be started (`held`, with HTCondor's codes).

    Attributes
    ----------
    asked
        Whether it was asked to end; a process that ended by itself keeps its exit code, whatever
        was requested in the meantime.
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
    """The files of an attempt in the queue's folder: its claim, and how it ended."""

    claim: Path
    note: Path
    ending: Path

    def ended(self) -> bool:
        """Whether a file says how it ended."""
        return self.ending.exists() or self.note.is_symlink()


def traces(folder: Path, stem: str) -> Traces:
    """Return the files of an attempt, which are named after it."""
    return Traces(*(folder / f"{stem}.{kind}" for kind in ("claim", "code", "end")))


def return_code(waited: os.waitid_result) -> int:
    """Return the result of `waitid` as Python writes it: an exit code, or minus a signal."""
    return waited.si_status if waited.si_code == os.CLD_EXITED else -waited.si_status


def exit_code_and_signal(code: int) -> tuple[int | None, int | None]:
    """Split a return code, negative for a signal, into exit code and signal; one of them is None.

    >>> exit_code_and_signal(3), exit_code_and_signal(-9)
    ((3, None), (None, 9))
    """
    return (code, None) if code >= 0 else (None, -code)


def note_text(code: int, *, asked: bool) -> str:
    """Return the note of a program that has ended; `code` is negative for a signal."""
    return f"{code} {int(asked)}"


def write_note(path: Path, text: str) -> None:
    """Make the note of an attempt; where the disk is full, wait until there is room."""
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
    """Return the ending of an attempt; None where it was not written."""
    try:
        return Ending(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return None


def read_note(path: Path) -> Ending | None:
    """Return how an attempt ended from its note, where there is no ending."""
    try:
        code, asked = map(int, str(path.readlink()).split())
        when = path.lstat().st_mtime
    except (OSError, ValueError):  # missing, or it says that nothing was started
        return None
    exit_code, signal = exit_code_and_signal(code)
    return Ending(exit_code, signal, started=when, ended=when, asked=bool(asked))


def write_ending(path: Path, ending: Ending) -> None:
    """Write the ending of an attempt; where the disk is full, wait until there is room."""
    text = json.dumps(msgspec.structs.asdict(ending)).encode()
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
