"""Keep the monitor running as a systemd user unit."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from asimov.configuration import owner
from asimov.errors import AsimovError
from asimov.keepers.keeper import Keeper, Kept, demand, here, record, run
from asimov.keepers.launcher import watch_command
from asimov.project.layout import Project
from asimov.project.workspace import Workspace
from asimov.system.files import write_atomically

#: Seconds after which systemd starts a monitor again that has ended.
_PAUSE = 30


class SystemdUnit(Keeper):
    """A unit of the user's own systemd manager."""

    name = "systemd"
    meaning = "a systemd user unit, which systemd restarts"
    outlives = "a logout and a reboot, if the user lingers"

    def problem(self, workspace: Workspace) -> str | None:
        """Return why it can't be used here: no user manager of systemd."""
        if shutil.which("systemctl") is None:
            return "there is no systemd here"
        try:
            state = run(["systemctl", "--user", "is-system-running"]).stdout.strip()
        except AsimovError as error:
            return error.message
        if state in {"running", "degraded", "starting", "initializing"}:
            return None
        return "no systemd user manager runs for this user"

    def caution(self, workspace: Workspace) -> str | None:
        """Return that the unit ends at the logout, unless the user lingers."""
        if lingers():
            return None
        return "it ends when you log out, unless 'loginctl enable-linger' is allowed to you"

    def start(self, workspace: Workspace, script: Path, interval: float | None) -> Kept:
        """Write the unit, enable and start it."""
        name = unit_name(workspace.project)
        kept = Kept(self.name, f"the systemd user unit {name}", {**here(), "unit": name})
        record(workspace, kept)
        log = workspace.project.logs / "monitor.log"
        text = unit_text(workspace.project, watch_command(script, interval), log)
        path = unit_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
        demand(["systemctl", "--user", "daemon-reload"])
        demand(["systemctl", "--user", "enable", name])
        demand(["systemctl", "--user", "restart", name])
        return kept

    def stop(self, workspace: Workspace, kept: Kept) -> None:
        """Stop, disable and remove the unit."""
        name = kept.details["unit"]
        path = unit_folder() / name
        if path.exists():
            demand(["systemctl", "--user", "disable", "--now", name])
            path.unlink()
            demand(["systemctl", "--user", "daemon-reload"])
        record(workspace, None)

    def gone(self, kept: Kept) -> bool:
        """Return whether the unit's file is missing."""
        return not (unit_folder() / kept.details["unit"]).exists()


def lingers() -> bool:
    """Return whether this user's manager runs without a login session."""
    if shutil.which("loginctl") is None:
        return False
    try:
        asked = run(["loginctl", "show-user", owner(), "--property=Linger"])
    except AsimovError:
        return False
    return asked.stdout.strip() == "Linger=yes"


def unit_folder() -> Path:
    """Return the folder of the user's own units."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user"


def unit_name(project: Project) -> str:
    """Return the name of a project's unit.

    Source: systemd.unit(5), which allows letters, digits and ``:-_.`` in names.
    """
    return f"asimov-{re.sub(r'[^A-Za-z0-9:_.-]', '_', project.id)}.service"


def unit_text(project: Project, command: list[str], log: Path) -> str:
    """Return the text of a project's unit.

    Parameters
    ----------
    project
        The project.
    command
        The program and its arguments.
    log
        The file that gets its output.
    """
    return f"""\
# Written by 'asimov start'; 'asimov stop' removes it.
[Unit]
Description=asimov monitor of {_escaped(str(project.root))}

[Service]
WorkingDirectory={_escaped(str(project.root))}
ExecStart={" ".join(map(_quoted, command))}
Restart=always
RestartSec={_PAUSE}
StandardOutput=append:{_escaped(str(log))}
StandardError=append:{_escaped(str(log))}

[Install]
WantedBy=default.target
"""


def _escaped(text: str) -> str:
    """Escape the specifiers of systemd in a value that is one path or a line for people."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """Quote a word of a command line for systemd.

    Source: systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting".
    """
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_escaped(escaped)}"'
