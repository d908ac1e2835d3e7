"""Benchmark: a monitor pass in which many analyses change state because their jobs ended."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import report
from measure import Sample
from project import Program, make, make_outputs, rows

_LAYOUT = "10 a subject"
#: How the jobs end, and the resulting state of the analyses.
_OUTCOMES = {"complete": "uploaded", "fail": "stuck"}


def measure(asimov: Program, sizes: list[int], most: int, repeats: int) -> list[dict[str, Any]]:
    """Measure the pass in projects of several sizes.

    Parameters
    ----------
    asimov
        The program, with the null scheduler.
    sizes
        How many analyses.
    most
        How many change at once, or all where there are fewer.
    repeats
        How many projects of each size.

    Returns
    -------
    list of dict
        ``outcome``, ``analyses``, ``changed`` and the figures of each.
    """
    found = []
    for size in sizes:
        number = min(most, size)
        samples: dict[str, list[Sample]] = {outcome: [] for outcome in _OUTCOMES}
        for _ in range(repeats):
            # A large enough project serves both.
            both = size >= 2 * number
            for outcomes in [list(_OUTCOMES)] if both else [[each] for each in _OUTCOMES]:
                for outcome, sample in _change(asimov, size, number, outcomes).items():
                    samples[outcome].append(sample)
        for outcome, each in samples.items():
            figures = report.summary(each)
            found.append({"outcome": outcome, "analyses": size, "changed": number, **figures})
    return found


def _change(asimov: Program, size: int, number: int, outcomes: list[str]) -> dict[str, Sample]:
    """Let jobs of a new project end, in one way after the other.

    Raises
    ------
    RuntimeError
        Where not just those changed, so that the figures would mean nothing.
    """
    samples = {}
    with TemporaryDirectory(prefix="asimov-benchmark-") as folder:
        root = Path(folder)
        make(asimov, root, size, _LAYOUT, "null")
        asimov.asimov(root, "manage", "submit")
        asimov.asimov(root, "monitor")
        ended = {"complete": 0, "fail": 0}
        made = make_outputs(root)
        expected = Counter({"running": size})
        for outcome in outcomes:
            ended[outcome] = number
            (root / ".asimov" / "null-ended").write_text(f"{ended['complete']} {ended['fail']}\n")
            samples[outcome] = asimov.asimov(root, "monitor")
            expected += Counter({_OUTCOMES[outcome]: number})
            expected -= Counter({"running": number})
            seen = Counter(row["status"] for row in rows(asimov, root))
            if seen != expected or made != size:
                raise RuntimeError(f"{size} analyses, {outcome}: {seen} rather than {expected}")
    return samples


def table(found: list[dict[str, Any]]) -> str:
    """Format the measurements as a table."""
    lines = [
        [
            f"{each['changed']:,} of {each['analyses']:,} {each['outcome']}",
            report.time_and_memory(each),
            f"{1000 * each['seconds'] / each['changed']:.2f} ms",
        ]
        for each in found
    ]
    return report.table(["a pass in which", "", "for each"], lines)
