"""The processes of a project stand still for a while: its files are copied as at one moment."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def frozen(root: Path) -> Iterator[None]:
    """Have all processes stand still that work in a folder or have it in their command line."""
    stopped = [each for each in _others() if str(root) in _about(each)]
    for each in stopped:
        with suppress(ProcessLookupError):  # it ends by itself
            os.kill(each, signal.SIGSTOP)
    end = time.monotonic() + 60
    while any(_state(each) not in "TtZX" for each in stopped):
        assert time.monotonic() < end
        time.sleep(0.001)
    try:
        yield
    finally:
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def _others() -> list[int]:
    found = {int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()}
    return sorted(found - {os.getpid()})


def _about(process: int) -> str:
    with suppress(OSError):
        folder = Path(f"/proc/{process}")
        line = os.fsdecode((folder / "cmdline").read_bytes())
        return f"{line} {(folder / 'cwd').readlink()}"
    return ""


def _state(process: int) -> str:
    """Return the letter of a process's state, ``X`` if it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    return "X"
