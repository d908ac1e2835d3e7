"""Start the queue's runner when there is work and none is alive."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from asimov.errors import SchedulerError
from asimov.scheduler.local.keeper import MARK
from asimov.scheduler.local.spool import Spool, ring
from asimov.scheduler.local.tables import BUSY
from asimov.system.detached import start_detached
from asimov.system.module_command import module_command


def wake(spool: Spool, options: Sequence[str]) -> None:
    """Make sure that a runner is alive, if it may have work.

    Parameters
    ----------
    spool
        The queue.
    options
        The runner's arguments after the project's folder.

    Raises
    ------
    SchedulerError
        Where the queue can't be used or the runner can't be started.
    """
    if not spool.exists() or ring(spool):
        return
    # Opened for writing: where a runner was killed as it wrote, that has to be rolled back first.
    with spool.changing() as db:
        row = db.execute(BUSY).fetchone()
    if row[0]:
        start_runner(spool, options)


def unmarked_environment() -> dict[str, str]:
    """Return this process's environment without the mark of the queue's processes."""
    return {name: value for name, value in os.environ.items() if name != MARK}


def start_runner(spool: Spool, options: Sequence[str]) -> None:
    """Start a runner; it ends at once if another is alive.

    Raises
    ------
    SchedulerError
        Where it can't be started.
    """
    runner = module_command("asimov.scheduler.local.runner", str(spool.root), *options)
    try:
        start_detached(runner, spool.folder, spool.output, unmarked_environment())
    except (OSError, subprocess.CalledProcessError) as error:
        raise SchedulerError(
            f"the local queue can't be run: {error}", where=spool.output
        ) from error
