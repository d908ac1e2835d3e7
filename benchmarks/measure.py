"""Measure the time and memory of one command.

A small process of its own starts each command: Linux counts what the starting process holds at
that moment towards the peak memory of the one that is started.
"""

from __future__ import annotations

import json
import os
import sys
import time

if __name__ != "__main__":
    import subprocess
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import contextmanager
    from dataclasses import dataclass
    from pathlib import Path


def _launch(results: str, command: list[str]) -> None:
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    with open(results, "w") as stream:  # noqa: PTH123  (pathlib would double this process)
        code = os.waitstatus_to_exitcode(status)
        json.dump([seconds, usage.ru_maxrss, code, usage.ru_utime + usage.ru_stime], stream)


if __name__ == "__main__":
    _launch(sys.argv[1], sys.argv[2:])
    sys.exit()


@dataclass(frozen=True)
class Sample:
    """The time and memory of one run of a command.

    Attributes
    ----------
    seconds
        From its start to its end, as a clock on the wall has it.
    memory_mb
        The largest resident size of the command's process, or of a child of it that was
        larger, in MB.
    out
        Its output and errors.
    processor
        The seconds of processor time that it and its children took.
    """

    seconds: float
    memory_mb: float
    out: str
    processor: float = 0.0


def measure(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Sample:
    """Run a command and measure it.

    Parameters
    ----------
    command
        The program's absolute path and its arguments.
    cwd
        The folder that it is run in.
    environment
        All of its environment variables.

    Raises
    ------
    SystemExit
        Where the command fails, with what it said.
    """
    results = Path(environment["HOME"], "sample.json")
    launcher = [sys.executable, "-I", "-S", __file__, str(results), *command]
    ran = subprocess.run(
        launcher,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    seconds, kibibytes, code, processor = json.loads(results.read_text())
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit code {code}\n{ran.stdout[-2000:]}")
    return Sample(seconds, kibibytes * 1024 / 1e6, ran.stdout, processor)


class Followed:
    """A running process, and its peak memory so far.

    Attributes
    ----------
    files
        The largest number of open files, looked up every 2 ms.
    memory_mb
        The largest resident size, in MB.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.files = 0
        self.memory_mb = 0.0
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while self.process.poll() is None:
            try:
                # A command runs in a child of the process that was started.
                own = Path("/proc", str(self.process.pid))
                children = (own / "task" / own.name / "children").read_text().split()
                proc = own.with_name(children[0]) if children else own
                self.files = max(self.files, sum(1 for _ in (proc / "fd").iterdir()))
                status = (proc / "status").read_text()
            except OSError:  # it has just ended
                continue
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self.memory_mb = int(line.split()[1]) * 1024 / 1e6
            time.sleep(0.002)

    def end(self) -> None:
        """Wait for the process to end."""
        self.process.wait()
        self._thread.join()


@contextmanager
def followed(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], said: Path
) -> Iterator[Followed]:
    """Run a command in parallel to the block, and stop it afterwards if it still runs.

    Parameters
    ----------
    command
        The program's absolute path and its arguments.
    cwd, environment
        Its folder, and all of its environment variables.
    said
        A file for its output.
    """
    with said.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    following = Followed(process)
    try:
        yield following
    finally:
        if process.poll() is None:
            process.terminate()
        following.end()
