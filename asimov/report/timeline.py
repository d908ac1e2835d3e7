"""Draw the attempts of an analysis over time as a bar chart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asimov.journal.records import Attempt
from asimov.system import clock


@dataclass(frozen=True, slots=True)
class Bar:
    """An attempt, and where its bars are: from 0 at the first attempt's begin to 100 at the end.

    Attributes
    ----------
    left, width
        The time from its submission to its end.
    ran
        Where the part of that begins in which its job ran, and its width; None if not known.
    seconds
        How long it took, from submission to end, in seconds.
    well
        Whether it ended with exit code 0; None while it goes on.
    """

    attempt: Attempt
    left: float
    width: float
    ran: tuple[float, float] | None
    seconds: float
    well: bool | None


def timeline(attempts: Iterable[Attempt]) -> list[Bar]:
    """Return the bars of attempts, in their order.

    Parameters
    ----------
    attempts
        The attempts, the oldest first.
    """
    found = list(attempts)
    if not found:
        return []
    now = clock.now()
    begins = [each.submitted or each.intended for each in found]
    ends = [
        max(begin, each.finished or each.ended or (begin if each.state == "void" else now))
        for begin, each in zip(begins, found, strict=True)
    ]
    first, span = min(begins), max(1.0, max(ends) - min(begins))
    bars = []
    for each, begin, end in zip(found, begins, ends, strict=True):
        left, width = _place(begin, end, first, span)
        ran = _place(max(begin, each.started), end, first, span) if each.started else None
        well = (each.exit_code == 0) if each.state in {"ended", "void"} else None
        bars.append(Bar(each, left, width, ran, end - begin, well))
    return bars


def _place(begin: float, end: float, first: float, span: float) -> tuple[float, float]:
    """Return where a bar begins and how wide it is, in percent; it can be seen at least."""
    width = max(0.8, 100 * (end - begin) / span)
    return min(100 * (begin - first) / span, 100 - width), width
