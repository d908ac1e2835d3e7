"""The live view in real terminals: what they show, and that they are as they were at any end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

import pyte
import pytest

from asimov.system.processes import children
from tests.terminals import terminal

ASIMOV = Path(sys.executable).parent / "asimov"
#: Makes its standard input the terminal that it is controlled by, and runs a program.
_CONTROLLED = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
#: Leaves the alternate screen; shows the cursor.
_LEFT, _CURSOR = b"\x1b[?1049l", b"\x1b[?25h"


class Screen:
    """``asimov top`` in a pseudo-terminal, whose screen `pyte` draws."""

    def __init__(self, ours: int, theirs: int, root: Path) -> None:
        self._ours, self._theirs = ours, theirs
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(ours, False)
        self.before = termios.tcgetattr(theirs)
        self.written = b""
        self._drawn = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._drawn)
        command = [ASIMOV, "--project", root, "top", "--interval", "0.2"]
        self.program = subprocess.Popen(
            [sys.executable, "-c", _CONTROLLED, *command], start_new_session=True,
            stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color"},
        )  # fmt: skip

    @property
    def text(self) -> str:
        """What the screen shows."""
        with suppress(BlockingIOError):
            while new := os.read(self._ours, 65536):
                self.written += new
                self._stream.feed(new)
        return "\n".join(line.rstrip() for line in self._drawn.display)

    def until(self, is_so: Callable[[], object]) -> None:
        end = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < end, self.text
            time.sleep(0.02)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def is_as_it_was(self) -> bool:
        _ = self.text
        last = self.written.rpartition(b"\x1b[?1049h")[2]
        as_it_was = termios.tcgetattr(self._theirs) == self.before
        return as_it_was and _LEFT in last and _CURSOR in last


@pytest.fixture
def screen(scene: Path) -> Iterator[Screen]:
    with terminal() as (ours, theirs):
        shown = Screen(ours, theirs, scene)
        shown.until(lambda: "7 analyses" in shown.text)
        assert termios.tcgetattr(theirs) != shown.before
        yield shown
        with suppress(ProcessLookupError):
            os.killpg(shown.program.pid, signal.SIGKILL)
        shown.program.wait()


def test_it_is_drawn_and_hears_keys_and_leaves_the_terminal_as_it_was(screen):
    assert re.search(r"^> GW190521/noise +stuck", screen.text, re.MULTILINE)
    screen.press("j")
    screen.until(lambda: re.search(r"^> GW190521/held +held", screen.text, re.MULTILINE))
    screen.press("q")
    assert screen.program.wait(120) == 0
    screen.until(screen.is_as_it_was)


def test_ended_by_a_signal_it_leaves_the_terminal_as_it_was(screen):
    screen.program.send_signal(signal.SIGTERM)
    assert screen.program.wait(120) == 128 + signal.SIGTERM
    screen.until(screen.is_as_it_was)


def test_killed_it_has_the_terminal_given_back_and_leaves_no_process(screen):
    (view,) = children(screen.program.pid)
    helpers = children(view)
    assert helpers
    os.kill(view, signal.SIGKILL)
    assert screen.program.wait(120) == -signal.SIGKILL
    screen.until(screen.is_as_it_was)
    screen.until(lambda: not any(Path(f"/proc/{each}").exists() for each in helpers))


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux on this machine")
def test_in_tmux_the_shell_is_there_again(scene, tmp_path):
    def tmux(*arguments: str) -> str:
        command = ["tmux", "-S", str(tmp_path / "socket"), "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def until(*parts: str) -> str:
        end = time.monotonic() + 60
        while not all(part in (shown := tmux("capture-pane", "-p")) for part in parts):
            assert time.monotonic() < end, shown
            time.sleep(0.05)
        return shown

    shell = "env PS1='ready> ' COLUMNS=80 LINES=24 bash --norc"
    tmux("new-session", "-d", "-x", "80", "-y", "24", shell)
    try:
        until("ready>")
        tmux("send-keys", f"{ASIMOV} --project {scene} top", "Enter")
        until("7 analyses", "> GW190521/noise   stuck")
        tmux("send-keys", "Down", "w")
        until("why: GW190521/held", "held: no such file (code 13)")
        tmux("resize-window", "-x", "50", "-y", "15")
        until("what would change that:")  # the pane fits, also where the shell exports another size
        tmux("send-keys", "C-z")
        until("Stopped", "ready>")
        tmux("send-keys", "fg", "Enter")
        until("7 analyses", "why: GW190521/held")
        tmux("send-keys", "q")
        assert "7 analyses" not in until(" top", "ready>")
    finally:
        tmux("kill-server")
