"""Ask pipelines about running analyses: their progress, and the next state if they want one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from functools import cache, lru_cache
from typing import Any, NamedTuple

from asimov.errors import AsimovError
from asimov.journal import measurements
from asimov.journal.records import Attempt
from asimov.pipeline import Pipeline
from asimov.pipeline.progress import as_line, of_answer
from asimov.plugins.methods import MethodError, call_method, imported
from asimov.project.workspace import Workspace
from asimov.states import allowed
from asimov.system import clock


class Said(NamedTuple):
    """What a pipeline says of an analysis whose job is in the queue.

    Attributes
    ----------
    status, reason
        The state that it asks for, and why; empty if it asks for none.
    detail
        Why it could not be asked, or what it refuses.
    progress
        The progress of the analysis, as a line.
    """

    status: str = ""
    reason: str = ""
    detail: str = ""
    progress: str = ""


def ask(workspace: Workspace, attempt: Attempt) -> Said:
    """Call the methods of a pipeline that are for analyses whose jobs are in the queue.

    Parameters
    ----------
    workspace
        The open project.
    attempt
        The attempt whose job it is.
    """
    said = Said()
    pipeline = workspace.contents.entries[attempt.key].pipeline
    try:
        for method in _methods(workspace, pipeline, attempt):
            analysis = workspace.analysis(attempt.key)
            answer = call_method(analysis, method)
            # Only a state in which the job is still followed: the scheduler decides when it ends.
            asked = analysis.requests.take_status()
            if asked in {"stuck", "processing"} and allowed(
                workspace.status(attempt.key), asked, "monitor"
            ):
                said = said._replace(status=asked, reason=f"its pipeline {pipeline} said so")
            if method == "check_progress":
                said = said._replace(progress=_progress(workspace, attempt, answer))
    except MethodError as error:
        return said._replace(status="stuck", reason=str(error))
    except AsimovError as error:
        return said._replace(detail=str(error))
    return said


def _methods(workspace: Workspace, pipeline: str, attempt: Attempt) -> Iterator[str]:
    own = _own(imported(pipeline))
    if own.while_running:
        yield "while_running"
    # A call costs a hundred times more than a look, and most jobs report no progress.
    files = own.progress_files
    if own.check_progress and (not files or _has(_folder(workspace, attempt), files)):
        yield "check_progress"


class _Own(NamedTuple):
    """Which methods a pipeline's class has of its own, and the pattern of its progress files."""

    while_running: bool
    check_progress: bool
    progress_files: str


@lru_cache(maxsize=100)
def _own(kind: Any) -> _Own:
    def has(method: str) -> bool:
        own = getattr(kind, method, None)
        return own is not None and own is not getattr(Pipeline, method)

    files = getattr(kind, "progress_files", Pipeline.progress_files)
    return _Own(has("while_running"), has("check_progress"), files)


def _folder(workspace: Workspace, attempt: Attempt) -> str:
    """Return the folder of a job's event log; settings can name another than the usual."""
    project = workspace.project
    if attempt.logs:
        return os.path.dirname(project.path(attempt.logs.splitlines()[0]))  # noqa: PTH120  (fast)
    return f"{project.working}/{attempt.subject}/{attempt.name}"


def _has(folder: str, pattern: str) -> bool:
    try:
        return any(map(_matcher(pattern), os.listdir(folder)))  # noqa: PTH208  (thousands)
    except OSError:
        return True


@cache
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


def _progress(workspace: Workspace, attempt: Attempt, answer: Any) -> str:
    """Return the answer of `check_progress` as a line, and record a fraction in it."""
    measured = of_answer(answer)
    record = workspace.records.get(attempt.key)
    if measured is not None and record is not None and record.uid is not None:
        measurements.record(workspace.journal, record.uid, *measured, clock.now())
    return as_line(measured or answer)
