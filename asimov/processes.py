"""What the system tells of processes."""

from __future__ import annotations

from pathlib import Path


def started_at(pid: int) -> str | None:
    """Return when a process was started, in clock ticks since the boot; None where it is dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]  # a zombie does no more
