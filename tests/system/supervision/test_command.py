"""The process of a command begins again, with nothing left over from before."""

from __future__ import annotations

import subprocess
import sys

BEGINS_AGAIN = """
import os, signal, time
from asimov.system.supervision import command

if "BEGUN" in os.environ:
    time.sleep(0.1)
    print("alive")
else:
    os.environ["BEGUN"] = "yes"
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    command.again()
"""


def test_an_alarm_that_is_set_does_not_end_the_process_that_begins_again() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", BEGINS_AGAIN], check=False, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (0, "alive\n"), ran
