"""Progress of a job: a fraction and the current step, from lines that the job appends to a file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from asimov import text
from asimov.system.reading import opened

#: The environment variable that names the file to append to.
VARIABLE = "ASIMOV_PROGRESS"
#: The one that says how often a transferred job sends that file back, in seconds (60).
INTERVAL = "ASIMOV_PROGRESS_INTERVAL"
#: How many bytes of the file's end are read.
_END = 4096
_LINE = re.compile(
    r"\s*(?P<done>[\d.eE+\-]+)\s*(?:/\s*(?P<of>[\d.eE+]+))?(?P<percent>%)?(?:\s+(?P<step>.*))?"
)


class Progress(NamedTuple):
    """How far a job is.

    Attributes
    ----------
    fraction
        From 0 to 1.
    step
        What it does at present, as text.
    """

    fraction: float
    step: str = ""

    def __str__(self) -> str:
        # Rounded down: a job that is not finished is never at 100 %.
        percent = math.floor(self.fraction * 100 + 1e-9)
        return f"{percent}%" + (f" {text.line(self.step)}" if self.step else "")


def parse(line: str) -> Progress | None:
    """Return what a line reports; None if it reports nothing.

    A line is ``0.35 step``, ``35% step`` or ``7/20 step``; the step may be missing.

    Examples
    --------
    >>> parse("7/20 fit run 12")
    Progress(fraction=0.35, step='fit run 12')
    """
    found = _LINE.fullmatch(line.rstrip("\r\n"))
    if found is None:
        return None
    try:
        whole = float(found["of"]) if found["of"] else 100.0 if found["percent"] else 1.0
        fraction = float(found["done"]) / whole
    except (ValueError, ZeroDivisionError):
        return None
    if not 0 <= fraction <= 1:  # false for NaN as well
        return None
    return Progress(fraction, (found["step"] or "").strip())


def read(path: Path) -> Progress | None:
    """Return the last progress in a file; None if there is none.

    A last line without its end may be half written, and is passed over.
    """
    try:
        with opened(path) as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _END))
            end = stream.read()
    except OSError:
        return None
    lines = end.decode(errors="replace").split("\n")[:-1]
    return next(filter(None, map(parse, reversed(lines))), None)


def of_answer(answer: object) -> Progress | None:
    """Return the progress in an answer of `check_progress`; None if it has no valid fraction."""
    if isinstance(answer, Mapping):
        step = answer.get("step")
        answer = (answer.get("fraction"), "" if step is None else str(step))
    if not isinstance(answer, tuple) or len(answer) != 2:
        return None
    fraction, step = answer
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
        return None
    return Progress(float(fraction), str(step)) if 0 <= fraction <= 1 else None


def as_line(answer: object) -> str:
    """Return an answer of `check_progress` as one line, at most 200 characters long."""
    if isinstance(answer, dict):
        answer = "; ".join(f"{key}: {value}" for key, value in answer.items())
    return " ".join(str(answer).split())[:200] if answer else ""


def together(parts: Iterable[Progress | None]) -> Progress | None:
    """Return the progress of several nodes: the mean, and the step of the first that works."""
    known = list(parts)
    if not any(known):
        return None
    steps = [each.step for each in known if each and each.step and each.fraction < 1]
    return Progress(
        sum(each.fraction for each in known if each) / len(known), next(iter(steps), "")
    )
