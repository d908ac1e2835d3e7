"""What plugins print: taken into a file while they run, so that it stays out of our own output.

Descriptors 1 and 2 are pointed elsewhere, not only Python's streams: C code and the programs that
a plugin starts write there too. It is a file and no pipe, because a program that goes on in the
background keeps its end, and must neither be waited for nor be killed by a closed pipe.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from asimov import text
from asimov.system.files import memory_file

#: As much of what one call printed is kept, in bytes: half from its start, half from its end.
KEPT = 10_000


class Capture:
    """The file that takes what is printed; one serves all calls of a process."""

    def __init__(self) -> None:
        self._file: Any = None
        self._saved: dict[int, int] = {}
        self._streams: list[Any] = []
        self._text: io.TextIOWrapper | None = None

    def start(self) -> None:
        """Take from now on what is printed."""
        if self._file is None:
            self._file = _open()
        handle = self._file.fileno()
        self._streams = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
        _flush(self._streams)
        for number in (1, 2):
            with suppress(OSError):  # a descriptor that is closed stays so
                self._saved[number] = os.dup(number)
                os.dup2(handle, number)
        if self._text is None or self._text.closed:
            raw = os.fdopen(handle, "wb", buffering=0, closefd=False)
            self._text = io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
        sys.stdout = sys.stderr = self._text

    def stop(self, most: int = KEPT) -> str:
        """Let what is printed go where it went before; return what was taken.

        Parameters
        ----------
        most
            As much of it is returned, in bytes: half from its start, half from its end.
        """
        _flush([sys.stdout, sys.stderr, *self._streams])
        _flush_c()
        sys.stdout, sys.stderr = self._streams[:2]
        self.restore()
        handle = self._file.fileno()
        size = os.fstat(handle).st_size
        if not size:
            return ""
        if size <= most:
            data = os.pread(handle, most, 0)
        else:
            half = most // 2
            left_out = f"\n[{size - 2 * half} bytes are left out]\n".encode()
            data = os.pread(handle, half, 0) + left_out + os.pread(handle, half, size - half)
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        return _readable(data)

    def restore(self) -> None:
        """Point the descriptors where they pointed before."""
        while self._saved:
            number, saved = self._saved.popitem()
            os.dup2(saved, number)
            os.close(saved)


def _open() -> Any:
    try:
        return memory_file()
    except OSError:  # no room, say: what is printed is lost then, which harms nobody
        return open(os.devnull, "r+b", buffering=0)  # noqa: PTH123


def _flush(streams: list[Any]) -> None:
    for stream in streams:
        with suppress(Exception):  # a plugin may have put anything there, or closed it
            stream.flush()


def _flush_c() -> None:
    flush = _fflush()
    if flush:
        flush(None)


@cache
def _fflush() -> Callable[[None], int] | None:
    """Return C's ``fflush``: what C code printed is otherwise written when the process ends."""
    try:
        import ctypes

        function: Callable[[None], int] = ctypes.CDLL(None).fflush
    except (ImportError, OSError, AttributeError):
        return None
    return function


def _readable(data: bytes) -> str:
    """Return text that does no harm in a log."""
    return text.block(text.of_bytes(data).replace("\r\n", "\n").rstrip())
