"""Starting the runner where there is work for it and none lives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from asimov.errors import SchedulerError
from asimov.scheduler.local.keeper import MARK
from asimov.scheduler.local.spool import BUSY, Spool, ring


def wake(spool: Spool, options: Sequence[str]) -> None:
    """Make sure that a runner lives, if there may be work for it.

    Parameters
    ----------
    spool
        The queue.
    options
        The runner's arguments after the project's folder.

    Raises
    ------
    SchedulerError
        Where the queue can't be used or the runner not be started.
    """
    if not spool.exists() or ring(spool):
        return
    # Not to read only: where a runner was killed as it wrote, that has to be undone first.
    with spool.changing() as db:
        row = db.execute(BUSY).fetchone()
    if row[0]:
        start_runner(spool, options)


def environ() -> dict[str, str]:
    """Return the environment without what marks a process of the queue."""
    return {name: value for name, value in os.environ.items() if name != MARK}


def start_runner(spool: Spool, options: Sequence[str]) -> None:
    """Start a runner; one that finds another alive ends at once.

    Raises
    ------
    SchedulerError
        Where it can't be started.
    """
    variables = environ()
    if "PYTHONPATH" in variables:
        parts = variables["PYTHONPATH"].split(os.pathsep)
        variables["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in parts)
    runner = [sys.executable, "-m", "asimov.scheduler.local.runner", str(spool.root), *options]
    # The shell ends at once, so that the runner is nobody's child: it leaves no zombie in a
    # command that lives long, and no signal to the command's terminal reaches it.
    try:
        with spool.output.open("ab") as output:
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *runner],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=spool.folder,
                env=variables,
                check=True,
            )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SchedulerError(
            f"the local queue can't be run: {error}", where=spool.output
        ) from error
