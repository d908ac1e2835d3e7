"""Loading plugins in child processes: a package that raises, exits or hangs harms nothing."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from asimov.plugins.catalogue.installed import Entry

#: How long the plugins of one package may take to load, in seconds.
TIMEOUT = 60.0
#: How many packages are loaded at a time.
AT_ONCE = 2

# The path is the caller's, whatever the folder: '-m' would put the current folder in front.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from asimov.plugins.catalogue.loading_process import main; main(int(sys.argv[1]))"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of loading a plugin.

    Attributes
    ----------
    error
        Why it does not load, in one line; None where it does.
    description
        What it says of itself, where that was asked for and it loads.
    """

    error: str | None = None
    description: dict[str, Any] = field(default_factory=dict)


def load_all(
    entries: Iterable[Entry], *, describe: bool = False, timeout: float = TIMEOUT
) -> dict[Entry, Loaded]:
    """Load plugins, those of each package in a process of its own.

    Parameters
    ----------
    entries
        The plugins.
    describe
        Whether to ask them for what they say of themselves.
    timeout
        How long one package may take, in seconds.
    """
    waiting = [
        list(each) for _, each in groupby(sorted(entries, key=_package), key=_package)
    ]  # fmt: skip
    found: dict[Entry, Loaded] = {}
    running: list[_Child] = []
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    child = _Child(waiting.pop(0), describe, timeout)
                    running.append(child)
                    selector.register(child.channel, selectors.EVENT_READ, child)
                left = min(child.deadline for child in running) - time.monotonic()
                for key, _ in selector.select(max(0.0, left)):
                    key.data.read()
                for child in [each for each in running if each.ended]:
                    selector.unregister(child.channel)
                    running.remove(child)
                    found.update(child.close())
        finally:
            for child in running:
                child.close()
    return found


def _package(entry: Entry) -> str:
    return entry.package if entry.package != "?" else entry.value


class _Child:
    """One package's process.

    Parameters
    ----------
    entries
        The package's plugins.
    describe, timeout
        As of `load_all`.
    """

    def __init__(self, entries: Sequence[Entry], describe: bool, timeout: float) -> None:
        self.entries = entries
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self._told: dict[int, Loaded] = {}
        self._current = 0
        self._done = False
        self._complete = False
        self._rest = b""
        self.channel, other = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(other), *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(other,),
            start_new_session=True,
        )
        os.close(other)
        asked = [{"group": e.group, "name": e.name, "value": e.value} for e in entries]
        assert self._process.stdin is not None
        with self._process.stdin as stream, suppress(BrokenPipeError):
            stream.write(json.dumps({"plugins": asked, "describe": describe}).encode())

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._done or time.monotonic() >= self.deadline

    def read(self) -> None:
        """Take in what the process has told meanwhile."""
        data = os.read(self.channel, 1 << 16)
        self._done = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # a plugin may write there as well
                self._take(json.loads(line))

    def _take(self, told: dict[str, Any]) -> None:
        if "done" in told:
            self._done = self._complete = True
        elif "begins" in told:
            self._current = told["begins"]
        else:
            self._told[told["number"]] = Loaded(told.get("error"), told.get("description") or {})

    def close(self) -> dict[Entry, Loaded]:
        """End the process and all that it has started, and return what became of each plugin."""
        late = not self._done and not self._has_exited()
        if self._done and not self._complete:
            self._has_exited(wait=1.0)
        # The group first: once its leader's number is given back, it may be somebody else's.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        os.close(self.channel)
        found = {}
        for number, entry in enumerate(self.entries):
            if number in self._told:
                found[entry] = self._told[number]
            elif number == self._current:
                found[entry] = Loaded(self._why(late, code))
            else:
                found[entry] = Loaded(
                    f"was not tried: {self.entries[self._current].name!r} of the same package "
                    f"{self._why(late, code)}"
                )
        return found

    def _has_exited(self, wait: float = 0.0) -> bool:
        """Say whether the process has ended; it is left to be asked for its exit code."""
        until = time.monotonic() + wait
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, self._process.pid, options) is None:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)
        return True

    def _why(self, late: bool, code: int) -> str:
        if late:
            return f"has not loaded within {self.timeout:g} s"
        if code < 0:
            with suppress(ValueError):
                return f"ends the process with {signal.Signals(-code).name} when it is imported"
        return f"ends the process with exit code {code} when it is imported"
