"""Run an asimov command, and record every query to HTCondor's daemons.

``traced.py FILE ARGUMENTS...``: a line of FILE for each, with its time and what was called. The
process may not have more than 64 files open: an attempt to open another one fails.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Functions of the bindings that contact a daemon.
_SCHEDD = ("query", "history", "jobEpochHistory", "submit", "act", "edit", "export_jobs")
_COLLECTOR = ("query", "directQuery", "locate", "locateAll")
#: The aim.
_FILES = 64


def main() -> None:
    """Run the command; the exit code is its own."""
    notes, arguments = Path(sys.argv[1]), sys.argv[2:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, most))
    notes.touch()
    _trace(notes)
    from asimov.cli import main as asimov

    sys.argv = ["asimov", *arguments]
    asimov()


def _trace(notes: Path) -> None:
    try:
        import htcondor2
    except ImportError:
        return  # no daemon
    for kind, methods in ((htcondor2.Schedd, _SCHEDD), (htcondor2.Collector, _COLLECTOR)):
        for method in methods:
            if hasattr(kind, method):
                name = f"{kind.__name__}.{method}"
                setattr(kind, method, _noted(getattr(kind, method), name, notes))


def _noted(function: Callable[..., Any], name: str, notes: Path) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        with notes.open("a") as stream:
            stream.write(f"{time.time()} {name}\n")
        return function(*arguments, **named)

    return called


if __name__ == "__main__":
    main()
