"""Starts runners of the local queue in forks of a process that has them imported.

Such a runner has the command line that it would have otherwise: that is how asimov and the tests
recognise it. Tests of the scheduler itself start runners as users do.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from asimov.errors import SchedulerError
from asimov.scheduler.local.runner import main
from asimov.scheduler.local.spool import Spool
from asimov.scheduler.local.startup import unmarked_environment
from asimov.scheduler.local.witness import witnessed
from asimov.system.module_command import module_command
from tests import preloaded

_BEGIN = "import sys; from tests.local_runners import begin; begin(sys.argv[1:])"


def start_runner(spool: Spool, options: Sequence[str]) -> None:
    """Start a runner; see `asimov.scheduler.local.startup.start_runner`."""
    done = preloaded.run(
        _BEGIN, spool.root, *options, cwd=spool.folder, session=True,
        environment=unmarked_environment(),
    )  # fmt: skip
    if done.returncode:
        raise SchedulerError(f"the local queue can't be run: {done.stderr}", where=spool.output)


def begin(arguments: list[str]) -> None:
    """Be a runner, as a process of its own, with what follows its name in the command line."""
    spool = Spool(Path(arguments[0]))
    with spool.output.open("ab") as output:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
    if os.fork() == 0:
        _have_command_line(*module_command("asimov.scheduler.local.runner", *arguments))
        sys.exit(witnessed(spool.runs, lambda witness: main(arguments, witness)))


def _have_command_line(*words: str) -> None:
    """Change the command line of this process; proc_pid_stat(5) tells where it is."""
    numbers = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    first, end = (int(number) for number in numbers[45:47])
    line = b"".join(os.fsencode(word) + b"\0" for word in words)
    assert len(line) <= end - first, f"no room for the command line of {words}"
    ctypes.memmove(first, line.ljust(end - first, b"\0"), end - first)
