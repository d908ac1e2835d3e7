"""The readers of this process's output, such as ``head``: a command continues without them.

A command that acts must finish what it does, whether or not somebody still reads what it prints.
A command that only shows may ask with `unread` whether to go on.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from contextlib import suppress
from typing import Any

_OUTPUT = 1
#: The descriptors whose reader has gone.
_gone: set[int] = set()


class _Pipe(io.FileIO):
    """A pipe, until its reader has gone; from then on, what is written goes nowhere."""

    def write(self, data: Any) -> int:
        """Write data; return how many bytes were written."""
        try:
            return super().write(data)
        except ConnectionError:  # the pipe is broken, or the socket reset
            _gone.add(self.fileno())
            # Programs that this process starts from now on write there too, and live on.
            with open(os.devnull, "wb", buffering=0) as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), self.fileno())
            return len(data)


def outlive() -> None:
    """Have this process continue when a reader of its standard output or error goes away."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        with suppress(AttributeError, OSError, ValueError):  # replaced or closed
            if stream is getattr(sys, f"__{name}__") and _is_pipe(stream.fileno()):
                stream.flush()
                setattr(sys, name, _outliving(stream))


def unread() -> bool:
    """Return whether the reader of standard output has gone."""
    return _OUTPUT in _gone


def _is_pipe(number: int) -> bool:
    kind = os.fstat(number).st_mode
    return stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)


def _outliving(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(stream.fileno(), "wb", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,
    )
