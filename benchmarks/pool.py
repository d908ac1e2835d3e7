"""Remove a project's jobs from a real HTCondor pool."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any


def remove(root: Path) -> float:
    """Remove all jobs that were submitted from a folder at once, and wait until they have left.

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
    """Return a constraint that matches the jobs submitted from a folder or its subfolders."""
    folder = f"{root.resolve()}/"
    return f'substr(Iwd, 0, {len(folder)}) == "{folder}"'


def _schedd() -> Any:
    import htcondor2

    return htcondor2.Schedd()
