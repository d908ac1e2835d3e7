"""Benchmark: the same commands with a published asimov and with this one."""

from __future__ import annotations

import statistics
from configparser import ConfigParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measure import Sample
from project import Program, blueprints

#: For larger projects the published program takes many minutes.
LARGEST = 400
_PIPELINE = "simpletestpipeline"  # both have one of this name
_COMMANDS = {
    "apply": ("apply", "-f", "blueprints.yaml"),
    "manage build": ("manage", "build"),
    "report status": ("report", "status"),
}


def compare(ours: Program, theirs: Program, sizes: list[int], repeats: int) -> dict[str, Any]:
    """Measure both programs on the same blueprint files, by turns.

    Parameters
    ----------
    ours, theirs
        The programs.
    sizes
        How many analyses; those above `LARGEST` are left out.
    repeats
        How many projects are made for each program and size.

    Returns
    -------
    dict
        ``version`` and ``ledger engine`` of the published one, and ``rows``: for each figure and
        size the median seconds of both, and their ratio.
    """
    found: dict[str, Any] = {"rows": []}
    found["version"] = theirs.asimov(theirs.home, "--version").out.split()[-1]
    helps: dict[str, list[Sample]] = {"ours": [], "theirs": []}
    for _ in range(3 * repeats):
        helps["ours"].append(ours.asimov(ours.home, "--help"))
        helps["theirs"].append(theirs.asimov(theirs.home, "--help"))
    found["rows"].append(_row("--help", None, helps))
    for size in [size for size in sizes if size <= LARGEST]:
        samples: dict[str, dict[str, list[Sample]]] = {
            figure: {"ours": [], "theirs": []} for figure in _COMMANDS
        }
        for _ in range(repeats):
            _live(ours, size, "ours", samples)
            found["ledger engine"] = _live(theirs, size, "theirs", samples)
        found["rows"] += [_row(figure, size, both) for figure, both in samples.items()]
    return found


def _live(
    asimov: Program, size: int, who: str, samples: dict[str, dict[str, list[Sample]]]
) -> str | None:
    """Run the commands on one new project; return the ledger engine that its configuration names.

    Raises
    ------
    RuntimeError
        Where the project does not hold all analyses, so that the figures would mean nothing.
    """
    with TemporaryDirectory(prefix="asimov-benchmark-") as folder:
        root = Path(folder)
        asimov.asimov(root, "init", "Benchmark")
        text = blueprints(size, "10 a subject", f"pipeline: {_PIPELINE}\n")
        (root / "blueprints.yaml").write_text(text)
        for figure, arguments in _COMMANDS.items():
            samples[figure][who].append(asimov.asimov(root, *arguments))
        listed = samples["report status"][who][-1].out.count(_PIPELINE)
        made = sum(1 for _ in (root / "checkouts").rglob("*.ini"))
        if (listed, made) != (size, size):
            raise RuntimeError(f"{who}: of {size} analyses {listed} are listed, {made} built")
        config = ConfigParser(interpolation=None)
        config.read(root / ".asimov" / "asimov.conf")
        return config.get("ledger", "engine", fallback=None)


def _row(figure: str, size: int | None, samples: dict[str, list[Sample]]) -> dict[str, Any]:
    seconds = {who: statistics.median(s.seconds for s in each) for who, each in samples.items()}
    memory = {who: max(s.memory_mb for s in each) for who, each in samples.items()}
    return {
        "figure": figure,
        "analyses": size,
        "seconds": seconds,
        "memory_mb": memory,
        "ratio": seconds["theirs"] / seconds["ours"],
    }
