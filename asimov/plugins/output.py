"""Capture what plugins print in a file, so that it stays out of asimov's own output.

File descriptors 1 and 2 are redirected, not only Python's streams: C code and the programs that a
plugin starts write there too. It is a file and not a pipe, because a program that continues in the
background keeps its end open: asimov must not wait for it, nor a closed pipe kill it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from asimov import text
from asimov.logs import logger

#: The most that is kept of one call's output, in bytes: half from its start, half from its end.
KEPT = 10_000


class Capture:
    """A file that standard output and standard error are redirected to; it can be used again."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._saved: dict[int, int] = {}
        self._streams: list[Any] = []
        self._text: io.TextIOWrapper | None = None

    def start(self) -> None:
        """Start capturing."""
        if self._file is None:
            self._file = _open()
        handle = self._file
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
        """Stop capturing, and return what was printed.

        Parameters
        ----------
        most
            The most that is returned, in bytes: half from its start, half from its end.
        """
        _flush([sys.stdout, sys.stderr, *self._streams])
        _flush_c()
        sys.stdout, sys.stderr = self._streams[:2]
        self.restore()
        handle = self._file
        assert handle is not None  # it was started
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
        """Point the file descriptors where they pointed before."""
        while self._saved:
            number, saved = self._saved.popitem()
            os.dup2(saved, number)
            os.close(saved)


@contextmanager
def captured(logged_as: object = None) -> Iterator[None]:
    """Keep what is printed in the block out of asimov's output.

    Parameters
    ----------
    logged_as
        Who printed it, for the log; without, it is discarded.
    """
    capture = _idle.pop() if _idle else Capture()
    capture.start()
    try:
        yield
    finally:
        printed = capture.stop()
        _idle.append(capture)
        if printed and logged_as is not None:
            logger().info("%s printed:\n%s", logged_as, printed)


#: Captures to use again. None is ever closed: a plugin may have kept its stream, as the handlers of
#: a log do, and would later write to whatever had the same descriptor.
_idle: list[Capture] = []


def _open() -> int:
    try:
        return os.memfd_create("asimov")
    except OSError:  # no memory, for example: the output is lost then
        return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


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
    """Return C's ``fflush``: without it, C code's output appears when the process ends."""
    try:
        import ctypes

        function: Callable[[None], int] = ctypes.CDLL(None).fflush
    except (ImportError, OSError, AttributeError):
        return None
    return function


def _readable(data: bytes) -> str:
    """Return output as text that is safe in a log."""
    return text.block(text.of_bytes(data).replace("\r\n", "\n").rstrip())
