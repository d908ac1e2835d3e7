"""Start a program that outlives this process and is not its child."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def start_detached(
    command: Sequence[str], folder: Path, output: Path, environment: Mapping[str, str]
) -> None:
    """Start a program in a session of its own, without standard input.

    The shell ends at once and orphans the program, which then leaves no zombie in a long-lived
    command, and is not reached by signals to the command's terminal.

    Parameters
    ----------
    command
        The program and its arguments.
    folder
        The folder in which it runs.
    output
        The file to which its output is added.
    environment
        Its environment. Relative paths in ``PYTHONPATH`` become absolute.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        If it can't be started.
    """
    variables = dict(environment)
    if "PYTHONPATH" in variables:
        parts = variables["PYTHONPATH"].split(os.pathsep)
        variables["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in parts)
    with output.open("ab") as stream:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd=folder,
            env=variables,
            check=True,
        )
