"""Have cron run a monitor pass every few minutes."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from asimov.configuration import number
from asimov.errors import AsimovError
from asimov.keepers.keeper import Keeper, Kept, demand, here, record, run
from asimov.project.layout import Project
from asimov.project.workspace import Workspace
from asimov.system.processes import numbers

#: Minutes between passes unless the configuration says otherwise.
_MINUTES = 10
#: The daemons that read crontabs, as the kernel names their processes.
_DAEMONS = {"cron", "crond", "fcron", "busybox"}


class CronEntry(Keeper):
    """A line of the user's crontab that makes one pass each time."""

    name = "cron"
    meaning = "a line of your crontab, which makes a pass every few minutes"
    outlives = "a logout and a reboot"

    def problem(self, workspace: Workspace) -> str | None:
        """Return why it can't be used here: no crontab, or none for this user."""
        if shutil.which("crontab") is None:
            return "there is no crontab program here"
        try:
            _lines()
        except AsimovError as error:
            return error.message
        return None

    def caution(self, workspace: Workspace) -> str | None:
        """Return that no cron daemon is seen, if none is."""
        if any(program_of(pid) in _DAEMONS for pid in numbers()):
            return None
        return "no cron daemon is seen running on this machine"

    def start(self, workspace: Workspace, script: Path, interval: float | None) -> Kept:
        """Add the line, in place of an older one of this project."""
        if interval is None:
            interval = number(workspace.project.config, "monitor", "interval", 60 * _MINUTES)
        minutes = max(1, round(interval / 60))
        each = "minute" if minutes == 1 else f"{minutes} minutes" if minutes < 60 else "hour"
        mark = _mark(workspace.project)
        details = {**here(), "mark": mark, "seconds": 60 * min(minutes, 60)}
        kept = Kept(self.name, f"cron every {each}", details)
        record(workspace, kept)
        log = workspace.project.logs / "monitor.log"
        _write([*_others(mark), entry(workspace.project, script, log, minutes)])
        return kept

    def stop(self, workspace: Workspace, kept: Kept) -> None:
        """Remove the line."""
        if not self.gone(kept):
            _write(_others(kept.details["mark"]))
        record(workspace, None)

    def gone(self, kept: Kept) -> bool:
        """Return whether the line is missing from this machine's crontab."""
        return not any(line.endswith(kept.details["mark"]) for line in _lines())


def program_of(pid: int) -> str:
    """Return the name of a process's program, cut to 15 characters; empty if it can't be seen."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def entry(project: Project, script: Path, log: Path, minutes: int) -> str:
    """Return the line for the crontab.

    Parameters
    ----------
    project
        The project.
    script
        The script of `asimov.keepers.launcher`.
    log
        The file that gets the output.
    minutes
        Minutes between passes; from 60 on once an hour.

    Notes
    -----
    Source: crontab(5). A percent sign ends the command there, unless it is escaped.
    """
    when = "0 * * * *" if minutes >= 60 else f"*/{minutes} * * * *"
    command = f"/bin/sh {shlex.quote(str(script))} >> {shlex.quote(str(log))} 2>&1"
    return f"{when} {command} {_mark(project)}".replace("%", "\\%")


def _mark(project: Project) -> str:
    return f"# asimov {project.id}".replace("%", "\\%")


def _lines() -> list[str]:
    """Return the lines of the user's crontab, which need not exist."""
    asked = run(["crontab", "-l"])
    if asked.returncode and "no crontab" not in asked.stderr.lower():
        said = " ".join(asked.stderr.split())
        raise AsimovError(f"'crontab -l' failed: {said or f'code {asked.returncode}'}")
    return [] if asked.returncode else asked.stdout.splitlines()


def _others(mark: str) -> list[str]:
    return [line for line in _lines() if not line.endswith(mark)]


def _write(lines: list[str]) -> None:
    demand(["crontab", "-"], "".join(f"{line}\n" for line in lines))
