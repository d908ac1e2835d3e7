"""A question that also says how far the task is when it is asked (a step, in a QHAna plugin)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from asimov.pipeline.questions import Question
from asimov.settings import BaseSettings

T = TypeVar("T", bound=BaseSettings)


class StepProgress(NamedTuple):
    """How far a task is: a value between a start and a target, in a unit."""

    value: float
    start: float = 0
    target: float = 100
    unit: str = "%"


@dataclass(frozen=True)
class Step(Question[T]):
    """A question that says how far the task is when it is asked.

    Parameters
    ----------
    progress
        The value, and its start, target and unit if these are not 0, 100 and ``%``. Without it,
        the steps count: the number of those before, of one more.
    """

    progress: StepProgress | tuple[float, ...] | None = None
