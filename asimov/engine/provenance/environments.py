"""The software environments that the commands of an analysis run in, and where they are unknown."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from asimov.engine.provenance.commands import SUBMITTERS, Command
from asimov.engine.provenance.interpreters import Started, started
from asimov.engine.provenance.software import Software, software_of


class Environments(NamedTuple):
    """The environments of some commands.

    Attributes
    ----------
    packages
        ``name==version`` of every package, by the environment's folder.
    unknown
        Why it is not known what a program runs with, by the program.
    """

    packages: dict[str, list[str]]
    unknown: dict[str, str]


class Finder:
    """Finds the environments of the analyses of one submission.

    Parameters
    ----------
    soon
        How long it is taken for granted what a command starts, in seconds.
    """

    def __init__(self, soon: float) -> None:
        self._soon = soon
        # What is the same for many analyses.
        self._software: dict[str, Software | None] = {}
        self._started: dict[tuple[str | None, ...], tuple[float, list[Started]]] = {}

    def of(
        self, commands: Sequence[Command], rundir: str, scheduler: str, image: str = ""
    ) -> Environments:
        """Return the environments of an analysis's commands.

        Parameters
        ----------
        commands
            The command lines of its jobs.
        rundir
            Its run directory.
        scheduler
            The scheduler's name: jobs of ``local`` have the submitter's ``PATH``.
        image
            The image that they run in: then only the programs that start it are of this machine.
        """
        found = Environments({}, {})
        for command in commands:
            for each in self._of(command, rundir, scheduler, image):
                software = self._of_program(each.program)
                if software is not None:
                    found.packages[software.prefix] = software.packages
                elif each.unknown:
                    found.unknown[each.program] = each.unknown
        return found

    def _of(self, command: Command, rundir: str, scheduler: str, image: str) -> list[Started]:
        if image or command.image:
            return [Started(command.executable)]
        folder = os.path.join(rundir, command.folder or os.path.dirname(command.file))
        words = [command.executable, *command.words()]
        path = os.environ.get("PATH") if scheduler == "local" else None
        if command.path:
            path = os.environ.get("PATH") if command.path == SUBMITTERS else command.path
        names_files = not os.path.isabs(words[0]) or any("/" in each for each in words[1:])
        command_line = (path, folder if names_files else "", *words)
        now = time.monotonic()
        since, found = self._started.get(command_line, (-self._soon, []))
        if now - since > self._soon:
            found = started(words, folder, path)
            self._started[command_line] = now, found
        return found

    def _of_program(self, program: str) -> Software | None:
        if program not in self._software:
            self._software[program] = software_of(program)
        return self._software[program]
