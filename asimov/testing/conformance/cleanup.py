"""Clean up after ``asimov plugins check``, even if the command is killed.

Jobs of scratch projects outlive the command by design, and the scenes' processes do not notice its
end. So a cleanup process waits for that: its standard input is a pipe, and only the command holds
the other end. The system closes it when the command ends, also when it is killed.
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

#: The module that runs in a scene's process.
SCENE = "asimov.testing.conformance.scene_process"
#: Seconds between two searches for processes, and the number of searches.
_PAUSE, _LOOKS = 0.1, 20


@contextmanager
def cleared(prefix: str) -> Iterator[Path]:
    """Create a temporary folder that is removed, with all its processes, when the command ends.

    Parameters
    ----------
    prefix
        The start of the folder's name.
    """
    top = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(top)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that Ctrl-C does not reach it
    ):
        yield top
    shutil.rmtree(top, ignore_errors=True)  # the cleanup process may have been killed


def clear(top: Path) -> None:
    """End the processes and jobs of a folder of scenes, and remove the folder."""
    _kill(top)
    for project in top.glob("*/project"):
        end_project(project)
    shutil.rmtree(top, ignore_errors=True)
    # Search again for processes that were just starting.
    for _ in range(_LOOKS):
        if not _kill(top) and not top.exists():
            return
        time.sleep(_PAUSE)
        shutil.rmtree(top, ignore_errors=True)


def end_project(root: Path) -> None:
    """Remove the jobs of a scratch project whose process has died."""
    if not (root / ".asimov").exists():
        return
    # Imported late: most of the time this process only waits.
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
    """Kill scenes and installations in a folder, and nothing else that uses it; return how many."""
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
    """Wait for the end of standard input, and clean up."""
    sys.stdin.buffer.read()
    clear(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
