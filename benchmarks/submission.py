"""Benchmark: submission to a real pool, compared with a bare loop over the same files."""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pool
import report
from measure import Sample
from project import Program, make, rows

_LAYOUT = "10 a subject"


def compare(asimov: Program, size: int, repeats: int) -> dict[str, Any]:
    """Measure both, each in a new process, with an empty queue.

    Parameters
    ----------
    asimov
        The program.
    size
        How many analyses of one job each.
    repeats
        How many projects.

    Returns
    -------
    dict
        ``analyses``; the figures of ``manage submit`` and of the ``bare loop``, of whole
        processes; ``loop``, the median of the loop's seconds alone; and ``ratio``, the median of
        the pairs' ratios.
    """
    ours: list[Sample] = []
    bare: list[Sample] = []
    for _ in range(repeats):
        with TemporaryDirectory(prefix="asimov-benchmark-") as folder:
            root = Path(folder)
            pair = _pair(asimov, root, size)
        ours.append(pair[0])
        bare.append(pair[1])
    return {
        "analyses": size,
        "manage submit": report.summary(ours),
        "bare loop": report.summary(bare),
        "loop": statistics.median(float(sample.out.split()[-1]) for sample in bare),
        "ratio": statistics.median(
            one.seconds / other.seconds for one, other in zip(ours, bare, strict=True)
        ),
    }


def _pair(asimov: Program, root: Path, size: int) -> tuple[Sample, Sample]:
    make(asimov, root, size, _LAYOUT, "htcondor")
    os.sync()
    try:
        ours = asimov.asimov(root, "manage", "submit")
        submitted = sum(row["job_id"] is not None for row in rows(asimov, root))
    finally:
        pool.remove(root)
    files = sorted(root.glob("working/*/*/job.sub"))
    if not len(files) == submitted == size:
        raise RuntimeError(f"of {size} analyses {submitted} were submitted")
    for path in files:  # both have to create the files of a submission
        path.with_suffix(".log").unlink()
    (root / "list").write_text("\n".join(map(str, files)))
    os.sync()
    try:
        bare = asimov.script(root, "bare_loop", "list")
    finally:
        pool.remove(root)
    return ours, bare


def table(found: dict[str, Any]) -> str:
    """Format the measurements as a table."""
    lines = [
        [each, report.time_and_memory(found[each]), f"{1000 * found[each]['seconds'] / n:.2f} ms"]
        for n in [found["analyses"]]
        for each in ("manage submit", "bare loop")
    ]
    head = f"{found['analyses']:,} analyses of one job"
    return (
        report.table([head, "", "for each"], lines)
        + f"\n\nRatio {found['ratio']:.2f} (aim: at most 1.3), both with the start of their "
        f"processes; the loop alone took {found['loop']:.2f} s."
    )
