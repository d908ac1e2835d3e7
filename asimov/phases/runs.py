"""Runs, the numbered inputs of phases: their names and files, and shares of them for processes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from asimov.errors import AsimovError

#: More numbers than this in one list are taken for a slip of the pen.
_MOST = 1_000_000


def form_run_string(run_number: int) -> str:
    """Return the name of a run, as in the names of its files.

    Examples
    --------
    >>> form_run_string(7)
    'run_0007'
    """
    return f"run_{run_number:04d}"


def trace_file(folder: Path, run: int) -> Path:
    """Return the file with the data of a run."""
    return Path(folder, f"{form_run_string(run)}.h5")


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def with_data(folder: Path, runs: Iterable[int]) -> dict[int, int]:
    """Return the sizes of the runs' files, in bytes, without those that are missing or empty."""
    sizes = {run: size_of(trace_file(folder, run)) for run in runs}
    return {run: size for run, size in sizes.items() if size}


def dealt(sizes: Mapping[int, int], hands: int) -> list[list[int]]:
    """Deal runs by size, the largest first, to and fro like a snake.

    Parameters
    ----------
    sizes
        The size of each run. Runs of equal size are dealt by number.
    hands
        To how many; those that get no run are left out.

    Examples
    --------
    >>> dealt({2: 50, 5: 40, 7: 30, 3: 20, 1: 10}, 2)
    [[2, 3, 1], [5, 7]]
    """
    stacks: list[list[int]] = [[] for _ in range(hands)]
    for number, run in enumerate(sorted(sizes, key=lambda run: (-sizes[run], run))):
        there, place = divmod(number, hands)
        stacks[hands - 1 - place if there % 2 else place].append(run)
    return [stack for stack in stacks if stack]


def numbers(given: object) -> list[int]:
    """Return the run numbers that text such as ``1-20, 25`` lists, each once and in order.

    Parameters
    ----------
    given
        The text, a number, or a list of both.

    Raises
    ------
    AsimovError
        If a part is neither a number nor a range.

    Examples
    --------
    >>> numbers("1-3, 7")
    [1, 2, 3, 7]
    """
    parts = given if isinstance(given, list) else str(given).split(",")
    found: set[int] = set()
    for part in parts:
        if isinstance(part, str) and "," in part:
            found.update(numbers(part))
            continue
        match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", str(part))
        if match is None or isinstance(part, bool):
            raise AsimovError(
                f"{str(part).strip()!r} is neither a run nor a range of runs",
                hint="write them as in '1-20, 25'",
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise AsimovError(f"{first}-{last} is empty", hint=f"did you mean {last}-{first}?")
        if last - first >= _MOST:
            raise AsimovError(f"{first}-{last} has more than {_MOST} runs")
        found.update(range(first, last + 1))
    return sorted(found)


def ranges(runs: Iterable[int]) -> str:
    """Return run numbers as `numbers` reads them.

    Examples
    --------
    >>> ranges([1, 2, 3, 7])
    '1-3, 7'
    """
    spans: list[list[int]] = []
    for run in sorted(set(runs)):
        if spans and run == spans[-1][1] + 1:
            spans[-1][1] = run
        else:
            spans.append([run, run])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
