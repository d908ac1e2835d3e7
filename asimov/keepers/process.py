"""Run the monitor as a plain background process, which nothing restarts if it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from asimov.errors import AsimovError
from asimov.journal.leases import WATCH, holder, is_dead
from asimov.keepers.keeper import Keeper, Kept, here, record
from asimov.keepers.launcher import watch_command
from asimov.project.workspace import Workspace
from asimov.system.processes import ProcessIdentity, started_at, this_start

#: How long to wait for a process to begin its watch, or to end, in seconds.
_PATIENCE = 20.0
_POLL = 0.05


class BackgroundProcess(Keeper):
    """A process without a terminal, on this machine."""

    name = "process"
    meaning = "a process on this machine; nothing restarts it"
    outlives = "a logout, where the machine lets processes run on"

    def problem(self, workspace: Workspace) -> str | None:
        """Return why it can't be used here: somebody watches already."""
        lease = holder(workspace.journal, WATCH)
        return (
            f"a monitor already runs in this project: {lease}"
            if lease and not is_dead(lease)
            else None
        )

    def start(self, workspace: Workspace, script: Path, interval: float | None) -> Kept:
        """Start the process, and wait until it watches."""
        log = workspace.project.logs / "monitor.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                watch_command(script, interval),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=workspace.project.root,
            )
        details = here()
        what = f"process {process.pid} on {details['host']}"
        details |= {"pid": process.pid, "start": started_at(process.pid), "boot": this_start()}
        kept = Kept(self.name, what, details)
        record(workspace, kept)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if process.poll() is not None:
                record(workspace, None)
                raise AsimovError(
                    f"the monitor ended immediately, with code {process.returncode}", where=log
                )
            lease = holder(workspace.journal, WATCH)
            if lease and not is_dead(lease):
                break
            time.sleep(_POLL)
        process.returncode = 0  # it goes on: nobody waits for it
        return kept

    def stop(self, workspace: Workspace, kept: Kept) -> None:
        """End the process."""
        if not self.gone(kept):
            with suppress(ProcessLookupError):
                os.kill(kept.details["pid"], signal.SIGTERM)
            end = time.monotonic() + _PATIENCE
            while not self.gone(kept) and time.monotonic() < end:
                time.sleep(_POLL)
        record(workspace, None)

    def gone(self, kept: Kept) -> bool:
        """Return whether the process has ended."""
        if kept.details["boot"] != this_start():
            return True
        return not ProcessIdentity(kept.details["pid"], kept.details["start"] or "").alive
