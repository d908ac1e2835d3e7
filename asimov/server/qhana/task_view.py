"""A task as other programs see it: status, log, progress, steps, links and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from asimov.journal.questions import Questions
from asimov.journal.tasks import SUCCESS, Task, Tasks
from asimov.project.removed import was_removed
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.qhana.reports import Report, report_of, with_step

#: What a task is until it has ended, whatever it waits for.
PENDING = "PENDING"


class StepOfTask(NamedTuple):
    """A step: when it came, its name, where its form goes, its page, and whether it is cleared.

    `href` and `page` are below the task's address for its own steps, else those of another task.
    """

    time: float
    name: str
    href: str
    page: str
    cleared: bool
    progress: Any = None


def folder_of(workspace: Workspace, task: Task) -> Path:
    """Return the run directory of a task."""
    if task.key in workspace.contents.entries:
        return Path(workspace.analysis(task.key).rundir)
    return workspace.project.working / task.subject / task.name


def check_is_there(workspace: Workspace, task: Task) -> None:
    """Refuse what needs the analysis of a task if it has left the ledger.

    Raises
    ------
    FaultError
        If it has.
    """
    if task.key not in workspace.contents.entries:
        gone = "was removed" if was_removed(workspace, task.key) else "is missing from the ledger"
        raise FaultError(409, f"the analysis {task.key} {gone}")


def steps_of(workspace: Workspace, task: Task) -> list[StepOfTask]:
    """Return the steps of a task, its own and those that it copied, in the order they came."""
    asking = Questions(workspace.journal).open().get(task.key)
    questions = Questions(workspace.journal).of(task.key)
    found = [
        StepOfTask(
            each.asked, each.question, f"steps/{each.number}/", f"steps/{each.number}/ui/",
            each.answered is not None or task.ended == SUCCESS, each.declared.get("progress"),
        )
        for each in questions
        if not each.declared.get("task")
        and (each.answered is not None or (asking is not None and asking.number == each.number))
    ]  # fmt: skip
    found += [
        StepOfTask(each.time, each.step, each.href, each.page, each.cleared)
        for each in Tasks(workspace.journal).copied_steps(task.number)
    ]
    return sorted(found)


def said_by(workspace: Workspace, task: Task) -> dict[str, Any]:
    """Return what a task says that has not ended: ``log``, ``progress`` and ``links``."""
    found = report_of(folder_of(workspace, task))
    steps = steps_of(workspace, task)
    return {
        "log": found.log,
        "progress": with_step(found, [(each.time, each.progress) for each in steps]),
        "links": found.links,
    }


def said_at_end(workspace: Workspace, task: Task, ended: str, reason: str | None) -> dict[str, Any]:
    """Return what a task says at its end: its result in words, or the error.

    Parameters
    ----------
    workspace
        The open project.
    task
        The task.
    ended
        How it ended.
    reason
        Why its analysis is in its state.
    """
    found: Report = report_of(folder_of(workspace, task))
    said = said_by(workspace, task)
    last = found.result if ended == SUCCESS else reason
    if last:
        said["log"] = "\n".join(filter(None, (said["log"], last)))
    if ended == SUCCESS and said["progress"] is not None and said["progress"]["value"]:
        said["progress"]["value"] = said["progress"]["target"]
    return said


def view(workspace: Workspace, task: Task, root: str) -> dict[str, Any]:
    """Return a task as other programs see it.

    Parameters
    ----------
    workspace
        The open project.
    task
        The task.
    root
        The address of the service, without ``/`` at its end.
    """
    address = f"{root}/tasks/{task.number}/"
    if task.ended == SUCCESS and _is_run_again(workspace, task):
        task = task._replace(ended=None, report=None)  # before that is recorded
    said = task.report if task.report is not None else said_by(workspace, task)
    shown: dict[str, Any] = {"status": task.ended or PENDING, "log": said["log"]}
    if said["progress"] is not None and said["progress"]["value"]:
        shown["progress"] = said["progress"]
    if steps := steps_of(workspace, task):
        shown["steps"] = [
            {
                "href": _absolute(each.href, address),
                "uiHref": _absolute(each.page, address),
                "stepId": each.name,
                "cleared": each.cleared,
            }
            for each in steps
        ]
    shown["links"] = [{"type": "subscribe", "href": address}, *said["links"]]
    files = Tasks(workspace.journal).files(task.number) if task.ended else []
    shown["outputs"] = [
        {
            "name": each.file,
            "dataType": each.data_type,
            "contentType": each.content_type,
            "href": f"{root}/files/{each.number}/?file-id={quote(each.tag, safe='')}",
        }
        for each in files
    ]
    return shown


def _is_run_again(workspace: Workspace, task: Task) -> bool:
    record = workspace.records.get(task.key)
    if record is None or was_removed(workspace, task.key):
        return False
    return record.status != "uploaded" or record.since != task.since


def _absolute(href: str, address: str) -> str:
    return href if "://" in href else address + href
