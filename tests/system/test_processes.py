"""Queries of processes, asked of real ones."""

from __future__ import annotations

import signal
import subprocess
import sys

from asimov.system.processes import pending_signals

#: Blocks a signal until a line arrives; a process of its own, since tests run beside threads.
BLOCKING = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("blocked", flush=True)
sys.stdin.readline()
signal.sigwait({signal.SIGUSR1})
print("taken", flush=True)
sys.stdin.readline()
"""


def test_a_signal_is_pending_until_it_takes_effect() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "blocked\n"
        assert pending_signals(process.pid) == set()
        process.send_signal(signal.SIGUSR1)
        assert pending_signals(process.pid) == {signal.SIGUSR1}
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "taken\n"
        assert pending_signals(process.pid) == set()
        process.kill()


def test_a_process_that_does_not_exist_has_no_pending_signals() -> None:
    assert pending_signals(2**22 + 1) == set()
