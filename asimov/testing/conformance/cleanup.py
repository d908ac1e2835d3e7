"""What a command would leave behind when it ends is cleared up by another process, however it ends.

The jobs of scratch projects outlive the command by design, and the process of a scene knows nothing
of the command's end. So a process of its own waits for that: its standard input is a pipe whose
other end the command alone has, and the system closes that also for one that was killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asimov.system.processes import numbers, words

#: The module that is the process of a scene.
SCENE = "asimov.testing.conformance.scene_process"
#: Seconds between two looks for processes, and how many looks there are.
_PAUSE, _LOOKS = 0.1, 20


@contextmanager
def cleared(prefix: str) -> Iterator[Path]:
    """Make a temporary folder that is gone, with all that runs for it, once the command has ended.

    Parameters
    ----------
    prefix
        What the folder's name begins with.
    """
    top = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(top)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it
    ):
        yield top
    shutil.rmtree(top, ignore_errors=True)  # the process may have been killed


def clear(top: Path) -> None:
    """End the processes and the jobs that a folder of scenes has, and remove it."""
    _kill(top)
    for project in top.glob("*/project"):
        end_project(project)
    shutil.rmtree(top, ignore_errors=True)
    # What was just being started has the folder's name by now.
    for _ in range(_LOOKS):
        if not _kill(top) and not top.exists():
            return
        time.sleep(_PAUSE)
        shutil.rmtree(top, ignore_errors=True)


def end_project(root: Path) -> None:
    """Remove the jobs of a scratch project whose process has died."""
    if not (root / ".asimov").exists():
        return
    # Not before it is needed: most of the time this process only waits.
    from asimov.errors import ReportedError
    from asimov.project.workspace import Workspace
    from asimov.testing.project import end_jobs

    with suppress(ReportedError, OSError):
        workspace = Workspace.open(root)
        try:
            end_jobs(workspace)
        finally:
            workspace.journal.close()


def _kill(top: Path) -> int:
    """Kill scenes and installations of a folder, and no other that has it open; return how many."""
    found = 0
    for number in numbers():
        command = words(number)
        inside = [word for word in command if word.startswith(f"{top}/")]
        installs = command[:1] == inside[:1] and any("pip" in word for word in command)
        if inside and (SCENE in command or installs):
            with suppress(OSError):
                leads = os.getpgid(number) == number
                (os.killpg if leads else os.kill)(number, signal.SIGKILL)
                found += 1
    return found


def main(arguments: list[str]) -> None:
    """Wait for the end of standard input, and clear up."""
    sys.stdin.buffer.read()
    clear(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
