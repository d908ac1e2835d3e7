"""A real HTCondor pool: taking away what a project has submitted."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any


def remove(root: Path) -> float:
    """Remove all jobs that were submitted from a folder, in one act; wait until they have left.

    Returns
    -------
    float
        How many seconds that took.
    """
    began = time.monotonic()
    schedd, own = _schedd(), constraint(root)
    action = sys.modules["htcondor2"].JobAction.Remove
    schedd.act(action, own, reason=("the benchmark has ended", 0))
    while schedd.query(own, ["ClusterId"], limit=1):
        if time.monotonic() - began > 300:
            sys.exit(f"the jobs of {root} do not end")
        time.sleep(0.2)
    return time.monotonic() - began


def constraint(root: Path) -> str:
    """Return what the jobs that were submitted from a folder, or one in it, have in common."""
    folder = f"{root.resolve()}/"
    return f'substr(Iwd, 0, {len(folder)}) == "{folder}"'


def _schedd() -> Any:
    import htcondor2

    return htcondor2.Schedd()
