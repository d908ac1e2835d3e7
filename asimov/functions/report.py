"""Report from a job while it runs: its progress, links, and its result in words.

::

    from asimov.functions import report

    report.progress(3, target=7, unit="files")
    report.link("preview", "https://example.org/preview")
    report.result("7 files, 2 of them empty")

Each is a line of the file that the variable ``ASIMOV_PROGRESS`` names; without it, nothing is
written.
"""

from __future__ import annotations

import json
import os
from typing import Any


def progress(
    value: float, start: float = 0, target: float = 100, unit: str = "%", step: str = ""
) -> None:
    """Report how far the job is.

    Parameters
    ----------
    value, start, target
        Where it is, where it began, and where it ends.
    unit
        Of these numbers.
    step
        What it does now.
    """
    _append({"progress": {"value": value, "start": start, "target": target, "unit": unit}})
    if target != start:
        fraction = min(1.0, max(0.0, (value - start) / (target - start)))
        _write(f"{fraction:.6f} {' '.join(step.split())}".rstrip())


def link(type: str, href: str) -> None:
    """Add a link to the task: what is there, in a word, and its address."""
    _append({"link": {"type": type, "href": href}})


def result(text: str) -> None:
    """Report the result in words; it is the end of the task's log."""
    _append({"result": text})


def _append(entry: dict[str, Any]) -> None:
    _write(json.dumps(entry))


def _write(line: str) -> None:
    path = os.environ.get("ASIMOV_PROGRESS")
    if path:
        with open(path, "a", encoding="utf-8") as stream:  # noqa: PTH123  (a job's Python)
            stream.write(line + "\n")
