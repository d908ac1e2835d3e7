"""Run an asimov command ``with`` or ``without`` records of what ran, and verdicts on results.

``costs.py with|without ARGUMENTS...``
"""

from __future__ import annotations

import sys
from typing import Any


def main() -> None:
    """Run the command; the exit code is its own."""
    how, *arguments = sys.argv[1:]
    if how == "without":
        _leave_out()
    from asimov.cli import main as asimov

    sys.argv = ["asimov", *arguments]
    asimov()


def _leave_out() -> None:
    def nothing(*_: Any, **__: Any) -> dict[Any, Any]:
        return {}

    from asimov.engine import monitor, status
    from asimov.engine.provenance.gather import Gatherer
    from asimov.engine.staleness import lines

    Gatherer.gather = lambda *_: None  # type: ignore[assignment, method-assign]
    monitor.rerun_due = lambda *_, **__: (0, 0)
    for module in (status, lines):
        module.outdated = module.in_doubt = nothing  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
