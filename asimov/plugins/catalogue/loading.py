"""Load plugins in child processes, where a package that raises, exits or hangs does no harm."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from asimov.plugins.catalogue.installed import Entry
from asimov.system.child_process import ChildProcess, exit_text
from asimov.system.files import memory_file

#: How long the plugins of one package may take to load, in seconds.
TIMEOUT = 60.0
#: How many packages are loaded at a time.
AT_ONCE = 2
#: Seconds between two looks at the processes.
_POLL = 0.01

# The path is the caller's, whatever the folder: '-m' would put the current folder in front.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from asimov.plugins.catalogue.loading_process import main; main()"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The outcome of loading a plugin.

    Attributes
    ----------
    error
        Why it does not load, in one line; None if it does.
    description
        Its description, if that was requested and it loads.
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
        Whether to ask for their descriptions.
    timeout
        The time limit of each package, in seconds.
    """
    packages = groupby(sorted(entries, key=_package), key=_package)
    waiting = [list(of_package) for _, of_package in packages]
    found: dict[Entry, Loaded] = {}
    running: list[_Package] = []
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(_Package(waiting.pop(0), describe, timeout))
            time.sleep(_POLL)
            for package in [each for each in running if each.process.is_over]:
                running.remove(package)
                found.update(package.outcome())
    finally:
        for package in running:
            package.process.close()
    return found


def _package(entry: Entry) -> str:
    return entry.package if entry.package != "?" else entry.value


class _Package:
    """One package's plugins, and the process that loads them.

    Parameters
    ----------
    entries
        The plugins.
    describe, timeout
        As for `load_all`.
    """

    def __init__(self, entries: Sequence[Entry], describe: bool, timeout: float) -> None:
        self._entries = entries
        self._timeout = timeout
        self._answers = memory_file()
        plugins = [{"group": e.group, "name": e.name, "value": e.value} for e in entries]
        self.process = ChildProcess(
            [sys.executable, "-c", _PROGRAM, *sys.path],
            timeout,
            given=json.dumps({"plugins": plugins, "describe": describe}).encode(),
            output=self._answers,
        )

    def outcome(self) -> dict[Entry, Loaded]:
        """End the process, and return the outcome for each plugin."""
        code = self.process.close()
        loaded: dict[int, Loaded] = {}
        current = 0
        for answer in self._read_answers():
            with suppress(KeyError, TypeError):  # a plugin may write there as well
                current = answer["number"]
                if "begins" not in answer:
                    description = answer.get("description") or {}
                    loaded[current] = Loaded(answer.get("error"), description)
        how = f"has not loaded within {self._timeout:g} s"
        if code is not None:
            how = f"ends the process with {exit_text(code)} when it is imported"
        not_tried = f"was not tried: {self._entries[current].name!r} of the same package {how}"
        return {
            entry: loaded.get(number) or Loaded(how if number == current else not_tried)
            for number, entry in enumerate(self._entries)
        }

    def _read_answers(self) -> Iterator[Any]:
        with self._answers as file:
            file.seek(0)
            for line in file.read().splitlines():
                with suppress(ValueError):
                    yield json.loads(line)
