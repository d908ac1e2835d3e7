"""The script that starts the monitor of a project, whatever keeps it: ``.asimov/monitor.sh``.

It holds the environment in which ``asimov start`` was called, because a job, a systemd unit and
cron have almost none of their own. Some pools refuse jobs that ask for it with ``getenv = true``.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from asimov.project.layout import Project
from asimov.scheduler.local.keeper import MARK
from asimov.system.files import write_atomically
from asimov.system.module_command import module_command

#: Variables of a login session, which ends before the monitor does.
_SESSION = re.compile(
    r"SSH_\w+|DBUS_\w+|XDG_(SESSION|SEAT|VTNR|RUNTIME)\w*|TMUX\w*|TERM\w*|LS_COLORS|PS\d|STY|GPG_\w+"
    r"|(WAYLAND_)?DISPLAY|XAUTHORITY|WINDOWID|SHLVL|(OLD)?PWD|COLUMNS|LINES|_"
)
#: Variables that may hold a secret, which does not belong in a file; the name of a file may stay.
_SECRET = re.compile(r"\w*(SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)\w*|\w*(TOKEN|_KEY)")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def kept_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the monitor gets.

    Parameters
    ----------
    environment
        All variables.

    Examples
    --------
    >>> kept_variables({"PATH": "/bin", "SSH_TTY": "/dev/pts/1", "GITHUB_TOKEN": "x"})
    {'PATH': '/bin'}
    """
    return {
        name: value
        for name, value in sorted(environment.items())
        if _NAME.fullmatch(name)
        and name != MARK
        and not _SESSION.fullmatch(name)
        and (name.endswith("_FILE") or not _SECRET.fullmatch(name))
    }


def write_launcher(project: Project) -> Path:
    """Write the script, which passes its arguments to ``asimov monitor``; return its path."""
    root = shlex.quote(str(project.root))
    lines = ["#!/bin/sh", "# Written by 'asimov start': runs the monitor of this project."]
    lines += [f"cd {root} || exit 1"]
    for name, value in kept_variables(os.environ).items():
        lines.append(f"export {name}={shlex.quote(value)}")
    program = shlex.join(module_command("asimov", "--project", str(project.root)))
    lines += [f'exec {program} monitor --chain "$@"', ""]
    path = project.state / "monitor.sh"
    write_atomically(path, "\n".join(lines))
    path.chmod(0o600)
    return path


def watch_command(script: Path, interval: float | None) -> list[str]:
    """Return the command that runs the monitor until it is stopped."""
    command = ["/bin/sh", str(script), "--watch"]
    return command if interval is None else [*command, "--interval", str(interval)]
