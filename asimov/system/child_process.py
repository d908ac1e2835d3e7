"""Run a program in a process group of its own, and kill whatever it has left running at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from asimov.system.files import memory_file


class ChildProcess:
    """A program that runs with a time limit; poll `is_over`, then `close` it in any case.

    Parameters
    ----------
    command
        The program and its arguments.
    seconds
        The time limit.
    given
        What it reads from standard input.
    output
        The open file that takes its standard output and standard error.
    folder
        The working directory; by default the current one.
    environment
        All its environment variables; by default those of this process.
    """

    def __init__(
        self,
        command: Sequence[str],
        seconds: float,
        *,
        given: bytes = b"",
        output: IO[bytes],
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._deadline = time.monotonic() + seconds
        with memory_file() as stdin:
            stdin.write(given)
            stdin.seek(0)
            self._process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )

    @property
    def is_over(self) -> bool:
        """Whether the program has ended, or its time has."""
        return self._has_ended() or time.monotonic() >= self._deadline

    def _has_ended(self) -> bool:
        """Return whether the program has ended; its number stays taken until it is waited for."""
        if self._process.returncode is not None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def close(self) -> int | None:
        """Kill the process group.

        Returns
        -------
        int or None
            The program's exit code, or less than 0 for a signal; None if it had not ended.
        """
        ended = self._has_ended()
        # The group first: once the leader's number is free, another process may have it.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        return code if ended else None


def exit_text(code: int) -> str:
    """Return a program's end in words: ``exit code 3`` or ``SIGSEGV``.

    Parameters
    ----------
    code
        The exit code, or less than 0 for a signal.
    """
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
