"""Benchmark: what the records of what ran cost, and the verdicts on whether results hold."""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import report
from measure import Sample, measure
from project import Program, make

_LAYOUT = "10 a subject"
_SUBMIT = "manage submit"
#: Commands that change nothing, which are measured several times in each project.
_IDLE = {
    "idle monitor pass": ["monitor"],
    "status --json": ["status", "--json"],
}
_AUTOMATIC = "idle pass, rerun: automatic"


def compare(asimov: Program, size: int, repeats: int, passes: int) -> dict[str, Any]:
    """Measure commands with and without both, in turn.

    Parameters
    ----------
    asimov
        The program, with the null scheduler.
    size
        How many analyses.
    repeats
        How many pairs of projects.
    passes
        How many pairs of commands that change nothing.

    Returns
    -------
    dict
        ``analyses``, and by command the seconds of processor time ``with`` and ``without`` both,
        and the ``ratio``, each the median.
    """
    pairs: dict[str, list[tuple[Sample, Sample]]] = {}
    for _ in range(repeats):
        with TemporaryDirectory(prefix="asimov-benchmark-") as folder:
            roots = [Path(folder, how) for how in ("with", "without")]
            for root in roots:
                root.mkdir()
                make(asimov, root, size, _LAYOUT, "null")
            one, other = (_run(asimov, root, root.name, "manage", "submit") for root in roots)
            pairs.setdefault(_SUBMIT, []).append((one, other))
            root = roots[0]
            asimov.asimov(root, "monitor")
            for name, words in _IDLE.items():
                pairs.setdefault(name, []).extend(_pairs(asimov, root, passes, words))
            (root / "all.yaml").write_text("kind: configuration\nrerun: automatic\n")
            asimov.asimov(root, "apply", "-f", "all.yaml")
            asimov.asimov(root, "monitor", "--chain")
            idle = _pairs(asimov, root, passes, ["monitor", "--chain"])
            pairs.setdefault(_AUTOMATIC, []).extend(idle)
    return {"analyses": size, **{name: _summed(each) for name, each in pairs.items()}}


def _pairs(
    asimov: Program, root: Path, passes: int, words: list[str]
) -> list[tuple[Sample, Sample]]:
    return [
        (_run(asimov, root, "with", *words), _run(asimov, root, "without", *words))
        for _ in range(passes)
    ]


def _run(asimov: Program, root: Path, how: str, *words: str) -> Sample:
    return measure(asimov.inside("costs", how, *words), root, asimov.variables)


def _summed(pairs: list[tuple[Sample, Sample]]) -> dict[str, float]:
    return {
        "with": statistics.median(one.processor for one, _ in pairs),
        "without": statistics.median(other.processor for _, other in pairs),
        "ratio": statistics.median(one.processor / other.processor for one, other in pairs),
    }


def table(found: dict[str, Any]) -> str:
    """Return the table of a comparison."""
    size = found["analyses"]
    heading = [f"{size:,} analyses, processor time", "with", "without", "ratio"]
    rows = [
        [name, f"{each['with']:.2f} s", f"{each['without']:.2f} s", f"{each['ratio']:.2f}"]
        for name, each in found.items()
        if name != "analyses"
    ]
    return report.table(heading, rows)
