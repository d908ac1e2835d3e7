"""Keep a monitor running beside the service, in a process of its own under the usual lease."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from asimov.errors import EXIT_BUSY
from asimov.logs import logger
from asimov.system.child_process import exit_text
from asimov.system.module_command import module_command
from asimov.system.processes import ProcessIdentity

#: The seconds before it is started again: the first time, and at most.
_PAUSE, _LONGEST = 1.0, 60.0
#: How long it has to run to count as well.
_WELL = 60.0
#: The seconds in which it has to end.
_END = 10.0


async def keep_monitor(root: Path) -> None:
    """Run ``asimov monitor --watch --chain``, and start it again if it ends.

    Another monitor may be at work already; then this one waits for its end. To cancel this ends the
    monitor; its jobs go on. A service that is killed can cancel nothing: then the monitor ends by
    itself, after the pass under way.

    Parameters
    ----------
    root
        The project's folder.
    """
    command = module_command("asimov", "--project", str(root), "monitor", "--watch", "--chain")
    own = ProcessIdentity.own()
    if own.start:  # else this system does not show processes
        command += ["--while", str(own.pid)]
    loop = asyncio.get_running_loop()
    pause = _PAUSE
    while True:
        began = loop.time()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            logger().warning("the service's monitor can't be started: %s", error.strerror)
        else:
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                raise
            if code == EXIT_BUSY:
                logger().info("another monitor is running: the service's own waits")
            else:
                logger().warning("the service's monitor ended: %s", exit_text(code))
        pause = _PAUSE if loop.time() - began > _WELL else min(2 * pause, _LONGEST)
        await asyncio.sleep(pause)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), _END)
            return
