"""Benchmark: what the records of what ran cost, and the verdicts on whether results hold."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report
from measure import Sample, measure
from project import Program, make, make_outputs

_LAYOUT = "10 a subject"
_SUBMIT = "manage submit"
_COMPLETE = "a pass in which all complete"
#: Commands that change nothing, which are measured several times in each project.
_IDLE = {
    "idle monitor pass": ["monitor"],
    "status --json": ["status", "--json"],
    "why of one": ["why", "subject-00000", "analysis-00000"],
}
_AUTOMATIC = "idle pass, rerun: automatic"

_Pairs = dict[str, list[tuple[Sample, Sample]]]


@dataclass(frozen=True)
class _Side:
    """One of the two that are compared: its program, its project, and how it runs a command."""

    program: Program
    root: Path
    command: Callable[..., list[str]]

    def run(self, *words: str) -> Sample:
        """Measure a command in its project."""
        return measure(self.command(*words), self.root, self.program.variables)


def compare(asimov: Program, folder: Path, size: int, repeats: int, passes: int) -> dict[str, Any]:
    """Measure commands with and without both, in turn.

    Parameters
    ----------
    asimov
        The program, with the null scheduler.
    folder
        Where the projects are created. They stay: for up to five minutes after files are removed,
        ext4 takes longer to create others, which would count as cost of records, since these are
        files too.
    size
        How many analyses.
    repeats
        How many pairs of projects.
    passes
        How many pairs of commands that change nothing.

    Returns
    -------
    dict
        ``analyses``, ``sides``, and by command the seconds of processor time and the most memory in
        MB of either side, and the ``ratio`` of the times, each the median of the pairs.
    """

    def side(how: str, number: int) -> _Side:
        return _Side(
            asimov, folder / f"{how}-{number}", lambda *words: asimov.inside("costs", how, *words)
        )

    pairs: _Pairs = {}
    for number in range(repeats):
        one, other = side("with", number), side("without", number)
        # Both look at the same records.
        same = _Side(asimov, one.root, other.command)
        _measure(pairs, one, other, same, size, passes)
        (one.root / "all.yaml").write_text("kind: configuration\nrerun: automatic\n")
        asimov.asimov(one.root, "apply", "-f", "all.yaml")
        asimov.asimov(one.root, "monitor", "--chain")
        for _ in range(passes):
            pair = one.run("monitor", "--chain"), same.run("monitor", "--chain")
            pairs.setdefault(_AUTOMATIC, []).append(pair)
    return _summed(size, ["with", "without"], pairs)


def compare_earlier(
    asimov: Program, earlier: Program, folder: Path, size: int, repeats: int, passes: int
) -> dict[str, Any]:
    """Measure the same commands of this and of an earlier asimov, in turn; see `compare`."""
    pairs: _Pairs = {}
    for number in range(repeats):
        one, other = (
            _Side(each, folder / f"{name}-{number}", _direct(each))
            for each, name in ((asimov, "this"), (earlier, "earlier"))
        )
        _measure(pairs, one, other, other, size, passes)
    return _summed(size, ["this", "earlier"], pairs)


def _direct(program: Program) -> Callable[..., list[str]]:
    return lambda *words: [str(program.environment / "bin" / "asimov"), *words]


def _measure(pairs: _Pairs, one: _Side, other: _Side, idle: _Side, size: int, passes: int) -> None:
    """Submit in two new projects, look at one or both, and let all jobs of both complete."""
    for side in (one, other):
        side.root.mkdir()
        make(side.program, side.root, size, _LAYOUT, "null")

    def add(name: str, left: _Side, right: _Side, *words: str) -> None:
        # Each side is first in turn: what the one leaves for the system to write delays the other.
        turns = [0, 1] if len(pairs.setdefault(name, [])) % 2 else [1, 0]
        found = {number: (left, right)[number].run(*words) for number in turns}
        pairs[name].append((found[0], found[1]))

    add(_SUBMIT, one, other, "manage", "submit")
    for side in (one, other):
        side.run("monitor")
    for name, words in _IDLE.items():
        for _ in range(passes):
            add(name, one, idle, *words)
    for side in (one, other):
        make_outputs(side.root)
        (side.root / ".asimov" / "null-ended").write_text(f"{size} 0\n")
    add(_COMPLETE, one, other, "monitor")
    for sample in pairs[_COMPLETE][-1]:
        if f"{size} uploaded" not in sample.out:
            raise RuntimeError(f"not all of {size} completed: {sample.out[-500:]}")


def _summed(size: int, sides: list[str], pairs: _Pairs) -> dict[str, Any]:
    def side(each: list[tuple[Sample, Sample]], number: int) -> dict[str, float]:
        samples = [pair[number] for pair in each]
        return {
            "processor": statistics.median(sample.processor for sample in samples),
            "memory_mb": max(sample.memory_mb for sample in samples),
        }

    commands = {
        name: {
            sides[0]: side(each, 0),
            sides[1]: side(each, 1),
            "ratio": statistics.median(one.processor / other.processor for one, other in each),
        }
        for name, each in pairs.items()
    }
    return {"analyses": size, "sides": sides, "commands": commands}


def table(found: dict[str, Any]) -> str:
    """Return the table of a comparison."""
    heading = [f"{found['analyses']:,} analyses, processor time", *found["sides"], "ratio"]
    rows = [
        [
            name,
            *(
                f"{each[side]['processor']:.2f} s, {each[side]['memory_mb']:.0f} MB"
                for side in found["sides"]
            ),
            f"{each['ratio']:.2f}",
        ]
        for name, each in found["commands"].items()
    ]
    return report.table(heading, rows)
