"""Restore the terminal if the live view is killed before it could."""

from __future__ import annotations

import os
import signal
import termios
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

#: Line wrap and cursor on; main screen; no mouse, paste, focus or key reports; plain text.
#: See XTerm's "Control Sequences" (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
_PLAIN = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[m"
)


@dataclass(frozen=True)
class Terminal:
    """A terminal as it was.

    Attributes
    ----------
    settings
        What `termios.tcgetattr` returned.
    """

    settings: list[Any]

    @classmethod
    def of(cls, descriptor: int) -> Terminal:
        """Return the terminal of an open file as it is now."""
        return cls(termios.tcgetattr(descriptor))

    def give_back(self) -> None:
        """Set the controlling terminal to what it was."""
        # The shell has the terminal by now; a process in the background would be stopped.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError, termios.error):  # it is gone too
            handle = os.open("/dev/tty", os.O_RDWR)
            termios.tcsetattr(handle, termios.TCSANOW, self.settings)
            os.write(handle, _PLAIN.encode())
            os.close(handle)
