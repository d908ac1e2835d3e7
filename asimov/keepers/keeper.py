"""The interface of what keeps a monitor running, and the record of the one in use."""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from asimov.errors import AsimovError
from asimov.project.workspace import Workspace

#: Journal property: the keeper's name, what it keeps, and what it needs to know, as JSON.
_PROPERTY = "background monitor keeper"
#: How long a program such as ``systemctl`` may take, in seconds.
_PATIENCE = 30


class Kept(NamedTuple):
    """A monitor that was started and not stopped.

    Attributes
    ----------
    keeper
        The name of what keeps it running.
    what
        What runs it, for people, such as ``job 12``.
    details
        What the keeper needs to know of it.
    """

    keeper: str
    what: str
    details: dict[str, Any]

    @property
    def how(self) -> str:
        """How it runs, as the end of a sentence."""
        return f"from {self.what}" if self.keeper == "cron" else f"as {self.what}"

    @property
    def elsewhere(self) -> str | None:
        """The other machine that it runs on; None for this one, or if that does not matter."""
        host = self.details.get("host")
        return None if host in {None, os.uname().nodename} else host


class Keeper(ABC):
    """One way to keep the monitor of a project running.

    Attributes
    ----------
    name
        What ``[monitor] keeper`` of the configuration says.
    meaning
        What it is, in a few words.
    outlives
        What the monitor outlives, in words.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    outlives: ClassVar[str]

    def described(self, workspace: Workspace) -> tuple[str, str]:
        """Return what it is with the project's scheduler, and what the monitor outlives."""
        return self.meaning, self.outlives

    @abstractmethod
    def problem(self, workspace: Workspace) -> str | None:
        """Return why it can't be used here, or None; may raise `AsimovError` instead."""

    def caution(self, workspace: Workspace) -> str | None:
        """Return what a user should know before using it here, or None."""
        return None

    @abstractmethod
    def start(self, workspace: Workspace, script: Path, interval: float | None) -> Kept:
        """Keep the monitor running from now on, and record that first.

        Parameters
        ----------
        workspace
            The open project.
        script
            The script of `asimov.keepers.launcher`.
        interval
            Seconds between passes; None for the configured number.
        """

    @abstractmethod
    def stop(self, workspace: Workspace, kept: Kept) -> None:
        """Stop it; one that has gone already is no error."""

    def gone(self, kept: Kept) -> bool:
        """Return whether it is certain that what was started on this machine is not there."""
        return False


def here() -> dict[str, Any]:
    """Return the details of something that runs on this machine alone."""
    return {"host": os.uname().nodename}


def record(workspace: Workspace, kept: Kept | None) -> None:
    """Record what keeps the monitor running; None if nothing does."""
    text = None if kept is None else json.dumps(kept._asdict())
    workspace.journal.set_property(_PROPERTY, text)


def recorded(workspace: Workspace) -> Kept | None:
    """Return what keeps the monitor running, other than a job; see `present.kept`."""
    text = workspace.journal.get_property(_PROPERTY)
    return Kept(**json.loads(text)) if text else None


def run(command: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of the system and return what it says.

    Raises
    ------
    AsimovError
        If it can't be run, or takes too long.
    """
    try:
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsimovError(f"{command[0]} can't be run: {error}") from error


def demand(command: Sequence[str], text: str | None = None) -> str:
    """Run a program that has to succeed; return its output.

    Raises
    ------
    AsimovError
        If it fails, with what it says.
    """
    done = run(command, text)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise AsimovError(f"'{' '.join(command)}' failed: {said or f'code {done.returncode}'}")
    return done.stdout
