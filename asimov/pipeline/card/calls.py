"""Questions that another plugin answers: its task's result becomes the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import field

from asimov.pipeline.questions import Question
from asimov.settings import BaseSettings, Setting


class Called(BaseSettings):
    """What became of a task of another plugin."""

    ended: Annotated[str, Setting("SUCCESS or FAILURE.")]
    task: Annotated[str, Setting("Its address.")] = ""
    log: Annotated[str, Setting("Its log.")] = ""
    outputs: Annotated[
        list[dict[str, Any]], Setting("Its outputs: name, dataType, contentType, href.")
    ] = field(default_factory=list)


@dataclass(frozen=True)
class PluginCall(Question[Called]):
    """A question that the task of another plugin answers, when it ends.

    Until then the steps of that task are shown among one's own.

    Parameters
    ----------
    name
        Its name among the questions of the pipeline.
    task
        The address of the other task.
    """

    text: str = "What becomes of the task that was started at another plugin?"
    answers: type[Called] = Called
    task: str = ""
