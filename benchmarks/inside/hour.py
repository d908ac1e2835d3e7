"""An hour of ``asimov monitor --watch --chain`` as fast as it goes: ``hour.py FILE MINUTES ACT``.

The command itself runs; the clock by which it waits is replaced by one that jumps. At the end of
each minute of that clock a shell runs ``ACT`` with the minute as ``$1``, in the project, and FILE
gets a line: the minute, how often the command has paused, the seconds that have really passed, the
resident memory, the open files, the threads, and how large the journal is.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace


class Clock:
    """A clock that only sleep advances.

    Parameters
    ----------
    notes
        The file of figures.
    act
        The shell's command.
    """

    def __init__(self, notes: Path, act: str) -> None:
        self._now = 0.0
        self._minute = 0
        self._pauses = 0
        self._began = time.perf_counter()
        self._notes = notes
        self._act = act

    def monotonic(self) -> float:
        """Return the seconds that were slept."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        self._now += seconds
        self._pauses += 1
        if self._now // 60 > self._minute:
            self._minute = int(self._now // 60)
            self._note()
            subprocess.run(["sh", "-c", self._act, "act", str(self._minute)], check=True)

    def _note(self) -> None:
        state = Path(".asimov")
        figures = {
            "minute": self._minute,
            "pauses": self._pauses,
            "seconds": time.perf_counter() - self._began,
            "resident_mb": _resident() / 1e6,
            "objects": len(gc.get_objects()),
            "files": sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1,
            "threads": threading.active_count(),
            "journal_mb": sum(each.stat().st_size for each in state.glob("journal.db*")) / 1e6,
        }
        with self._notes.open("a") as stream:
            stream.write(json.dumps(figures) + "\n")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Run the command until its hour is over."""
    from asimov.cli import main as asimov
    from asimov.engine import watch

    notes, minutes, act = sys.argv[1:]
    clock = Clock(Path(notes), act)
    watch.time = SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep, time=time.time)
    seconds = str(60 * int(minutes) + 1)
    sys.argv = ["asimov", "monitor", "--watch", "--chain", "--interval", "60", "--timeout", seconds]
    asimov()


if __name__ == "__main__":
    main()
