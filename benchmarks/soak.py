"""Benchmark: an hour of `monitor --watch` in fast motion, to see whether anything grows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pool
import report
from project import Program, make, make_outputs

_LAYOUT = "10 a subject"
#: The total minutes, and those until everything is loaded.
HOUR, WARM = 60, 10
#: What happens each minute. Of the null scheduler some more jobs have ended; on a pool a few are
#: put on hold and released in the next.
_ENDING = "echo $(({each} * $1)) 0 > .asimov/null-ended"
_HOLDING = (
    "case $1 in *[13579]) condor_hold=condor_hold;; *) condor_hold=condor_release;; esac; "
    "$condor_hold -constraint '{own} && ClusterId % 100 == '$((($1 + 1) / 2)) > /dev/null || :"
)


def soak(asimov: Program, size: int, scheduler: str, minutes: int = HOUR) -> dict[str, Any]:
    """Watch jobs for an hour of a clock that jumps.

    Parameters
    ----------
    asimov
        The program.
    size
        How many analyses.
    scheduler
        ``null`` or ``htcondor``.
    minutes
        How long; there is a pass in each, and looks at the event logs between.

    Returns
    -------
    dict
        ``analyses``; ``samples``, the figures after each minute; ``events``, how many the journal
        was given.
    """
    with TemporaryDirectory(prefix="asimov-benchmark-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        make(asimov, root, size, _LAYOUT, scheduler)
        act = _ENDING.format(each=max(1, size // 1000))
        if scheduler == "htcondor":
            act = _HOLDING.format(own=pool.constraint(root))
        try:
            asimov.asimov(root, "manage", "submit")
            make_outputs(root)
            asimov.asimov(root, "monitor")
            before = _events(root)
            asimov.script(root, "hour", "figures", str(minutes), act)
            events = _events(root) - before
        finally:
            if scheduler == "htcondor":
                pool.remove(root)
        samples = [json.loads(line) for line in (root / "figures").read_text().splitlines()]
    return {"analyses": size, "scheduler": scheduler, "samples": samples, "events": events}


def _events(root: Path) -> int:
    with closing(sqlite3.connect(f"file:{root}/.asimov/journal.db?mode=ro", uri=True)) as journal:
        (number,) = journal.execute("SELECT count(*) FROM events").fetchone()
    return int(number)


def table(found: dict[str, Any]) -> str:
    """Format the measurements as a table."""
    samples = found["samples"]
    warm = samples[min(WARM, len(samples)) - 1]
    shown = [warm, samples[(len(samples) + WARM) // 2 - 1], samples[-1]]
    lines = [
        [name, *(form.format(sample[key]) for sample in shown)]
        for name, key, form in (
            ("passes and looks", "pauses", "{:,}"),
            ("resident memory", "resident_mb", "{:.1f} MB"),
            ("Python objects", "objects", "{:,}"),
            ("open files", "files", "{}"),
            ("threads", "threads", "{}"),
            ("journal", "journal_mb", "{:.2f} MB"),
            ("seconds so far", "seconds", "{:.1f}"),
        )
    ]
    heads = [f"after {sample['minute']} minutes" for sample in shown]
    return (
        report.table([f"{found['analyses']:,} analyses, {found['scheduler']}", *heads], lines)
        + f"\n\nThe journal was given {found['events']:,} events."
    )
