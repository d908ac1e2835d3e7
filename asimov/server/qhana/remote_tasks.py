"""Tasks of other plugins that tasks of ours wait for: followed by webhooks, and now and then."""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

from asimov.engine.questions.answering import answer
from asimov.errors import AsimovError, FatalError
from asimov.journal.questions import Asked
from asimov.journal.tasks import FAILURE, SUCCESS, Task, Tasks
from asimov.logs import logger
from asimov.project.workspace import Workspace
from asimov.server.qhana.task_watcher import queue_calls
from asimov.text import encodable

#: The seconds that an answer may take, and the most bytes of it.
_PATIENCE, _MOST = 10.0, 5_000_000
#: The seconds after which a task is looked at without a webhook: at first, and at most.
_FIRST, _LONGEST = 5.0, 300.0
#: The most seconds between two looks at a task that calls no webhook of ours.
_UNTOLD = 30.0
#: The most characters of a log that are kept.
_LOG = 100_000


@dataclass
class _Followed:
    """A task of another plugin."""

    task: Task
    asked: Asked
    pause: float = _FIRST
    due: float = 0.0
    under_way: bool = False
    subscribed: bool = False


class RemoteTasks:
    """Follows the tasks of other plugins.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks = Tasks(workspace.journal)
        self._followed: dict[int, _Followed] = {}
        self._seen: queue.SimpleQueue[tuple[int, dict[str, Any] | None, bool]] = queue.SimpleQueue()

    def called(self, number: int) -> None:
        """Look at the task that a question waits for: its webhook was called."""
        if number in self._followed:
            self._followed[number].due = 0.0

    def follow(self, waiting: dict[int, tuple[Task, Asked]]) -> None:
        """Follow the tasks that questions wait for, and take what was seen of them.

        Parameters
        ----------
        waiting
            Our task and its question, by the number of the question.
        """
        for number in [each for each in self._followed if each not in waiting]:
            del self._followed[number]
        for number, (task, asked) in waiting.items():
            each = self._followed.setdefault(number, _Followed(task, asked))
            each.task = task  # its analysis may have another name now
        while True:
            try:
                number, document, subscribed = self._seen.get_nowait()
            except queue.Empty:
                break
            if number in self._followed:
                try:
                    self._take(number, document, subscribed)
                except FatalError:
                    raise
                except Exception as error:  # it is looked at again, and holds up no other
                    logger().warning("can't understand the answer of a task: %s", error)
        now = time.monotonic()
        for number, each in self._followed.items():
            if not each.under_way and each.due <= now:
                each.under_way = True
                each.due = now + each.pause
                arguments = (number, each.asked.declared["task"], self._webhook(each))
                threading.Thread(target=self._look, args=arguments, daemon=True).start()

    def _webhook(self, each: _Followed) -> str | None:
        """Return the address that the other task is to call; None if it knows it."""
        address = self._tasks.address(each.task.number)
        return None if each.subscribed else f"{address}calls/{each.asked.number}/"

    def _look(self, number: int, address: str, webhook: str | None) -> None:
        """Subscribe to a task if need be, and only then look at it; in a thread."""
        try:
            if urlsplit(address).scheme not in {"http", "https"}:
                document: Any = {
                    "status": FAILURE,
                    "log": f"{address!r} is not the address of a task",
                }
            else:
                document = _get(address)
                if webhook is not None and _subscribed(document, address, webhook):
                    webhook = None
                    document = _get(address)  # what happened before the subscription
        except Exception as error:  # another program may answer anything
            logger().info("can't check the task %s: %s", address, error)
            document = None
        self._seen.put((number, document, webhook is None))

    def _take(self, number: int, document: dict[str, Any] | None, subscribed: bool) -> None:
        each = self._followed[number]
        each.under_way = False
        if document is None:
            each.pause = min(2 * each.pause, _LONGEST)
            return
        each.subscribed = subscribed
        each.pause = _LONGEST if subscribed else min(2 * each.pause, _UNTOLD)
        status = document["status"]
        self._copy_steps(each.task, document, each.asked.declared["task"])
        if status == "PENDING":
            return
        given = {
            "ended": SUCCESS if status == SUCCESS else FAILURE,
            "task": each.asked.declared["task"],
            "log": encodable(str(document.get("log") or "")[-_LOG:]),
            "outputs": [
                {encodable(str(name)): encodable(str(value)) for name, value in each.items()}
                for each in _rows(document, "outputs")
            ],
        }
        try:
            answer(self._workspace, each.task.key, given)
        except AsimovError as error:
            logger().warning("%s: %s", each.task.key, error)
            return
        del self._followed[number]

    def _copy_steps(self, task: Task, document: dict[str, Any], address: str) -> None:
        """Show the steps of the other task among ours, and tell when one is cleared."""
        for step in _rows(document, "steps"):
            if not isinstance(step.get("href"), str):
                continue
            href = urljoin(address, step["href"])
            page = urljoin(address, str(step.get("uiHref") or ""))
            with self._workspace.journal.transaction():
                self._tasks.copy_step(task.number, str(step.get("stepId") or ""), href, page)
                done = step.get("cleared") or document.get("status") == SUCCESS
                if done and self._tasks.clear_step(task.number, href):
                    queue_calls(self._workspace.journal, task, ["steps"])


def _rows(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in a list of what another program answered."""
    found = document.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _subscribed(document: dict[str, Any], address: str, webhook: str) -> bool:
    """Subscribe a webhook to a task; return False if the task takes none."""
    order = {"command": "subscribe", "event": None, "webhookHref": webhook}
    for link in _rows(document, "links"):
        if link.get("type") == "subscribe":
            try:
                _send(urljoin(address, str(link.get("href"))), json.dumps(order).encode())
            except (OSError, HTTPException, ValueError) as error:  # it is polled instead
                logger().info("the task %s does not accept a webhook: %s", address, error)
                return False
            return True
    return False


def _get(address: str) -> dict[str, Any]:
    with urlopen(Request(address), timeout=_PATIENCE) as reply:
        document = json.loads(reply.read(_MOST))
    # What has no status is no verdict: an error of a proxy, for example.
    if not isinstance(document, dict) or not isinstance(document.get("status"), str):
        raise ValueError("it is not a task")
    return document


def _send(address: str, body: bytes) -> None:
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError("the link to subscribe to is not an address")
    request = Request(address, body, {"Content-Type": "application/json"}, method="POST")
    with urlopen(request, timeout=_PATIENCE):
        pass
