"""Watch tasks: record how they end, and queue the calls of their webhooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asimov.engine.notifications.calls import webhook_call
from asimov.errors import AsimovError, FatalError
from asimov.journal.confirmed_removals import forgotten
from asimov.journal.database import Database
from asimov.journal.deliveries import Deliveries
from asimov.journal.keys import Key
from asimov.journal.questions import Asked, Questions
from asimov.journal.tasks import FAILED, FAILURE, SUCCESS, Task, Tasks, Watched
from asimov.logs import logger
from asimov.pipeline.assets import paths_of
from asimov.project.removed import was_removed
from asimov.project.workspace import Workspace
from asimov.server.qhana.catalogue import Catalogue
from asimov.server.qhana.reports import stamp_of
from asimov.server.qhana.task_view import folder_of, said_at_end, steps_of


def queue_calls(journal: Database, task: Task, events: Iterable[str]) -> None:
    """Queue the calls of a task's webhooks; in a transaction with what has happened."""
    tasks = Tasks(journal)
    Deliveries(journal).add(
        webhook_call(webhook, source, event, task.key)
        for event in events
        for webhook, source in tasks.subscribers(task.number, event)
    )


class TaskWatcher:
    """Looks at tasks, again and again.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks = Tasks(workspace.journal)
        self._stamps: dict[int, Any] = {}
        self._folders: dict[Key, Path] = {}
        #: What is wrong with tasks, by number: it is logged once.
        self._wrong: dict[int, str] = {}
        #: The analyses that were removed, and the files of tasks of theirs that succeeded.
        self._removed: set[Key] = set()
        self._kept: dict[int, list[Path]] = {}
        #: Tasks that wait for one of another plugin, and their questions, by its number.
        self.waiting: dict[int, tuple[Task, Asked]] = {}

    def look(self) -> int:
        """Look at every task that may still change; return how many go on.

        A task at which something is wrong, such as its plugin, holds up no other; it is looked at
        again.
        """
        removed = forgotten(self._workspace.journal)
        if removed:  # perhaps new ones
            self._workspace.catch_up()
        going = 0
        asking = Questions(self._workspace.journal).open()
        self.waiting = {}
        for each in (*self._tasks.watched(), *self._lost(removed)):
            task = each.task
            try:
                going += self._look_at(each, asking.get(task.key))
            except FatalError:
                raise
            except Exception as error:
                if self._wrong.get(task.number) != str(error):
                    logger().warning("the task %s: %s", task.number, error, exc_info=True)
                self._wrong[task.number] = str(error)
            else:
                self._wrong.pop(task.number, None)
        return going

    def _lost(self, removed: set[Key]) -> list[Watched]:
        """Return the tasks that succeeded, and whose outputs were removed with their analyses."""
        if removed != self._removed:
            self._removed, self._kept = removed, {}
            for task in filter(None, map(self._tasks.of, removed)):
                folder = self._workspace.store.root.joinpath(*task.key)
                if task.ended == SUCCESS and was_removed(self._workspace, task.key):
                    files = self._tasks.files(task.number)
                    self._kept[task.number] = [folder / each.stored for each in files]
        found: list[Watched] = []
        for number, paths in list(self._kept.items()):
            if not all(path.is_file() for path in paths):
                now = self._tasks.get(number)
                if now is not None and now.ended == SUCCESS:
                    found.append(Watched(now, "uploaded", None, None))
                else:
                    del self._kept[number]
        return found

    def _look_at(self, watched: Watched, asked: Asked | None) -> bool:
        """Look at a task; return whether it goes on."""
        task, status, reason, since = watched
        ended = SUCCESS if status == "uploaded" else FAILURE if status in FAILED else None
        if was_removed(self._workspace, task.key):
            ended, reason = FAILURE, f"the analysis {task.key} was removed"
        if ended is not None:
            if ended != task.ended or since not in {None, task.since}:
                self._end(watched._replace(reason=reason), ended)
            return False
        self._go_on(task)
        if status == "asking" and asked is not None and asked.declared.get("task"):
            self.waiting[asked.number] = task, asked
        return True

    def _go_on(self, task: Task) -> None:
        """Tell what is new of a task that goes on."""
        if task.ended is not None:  # a person has restarted it
            self._tasks.go_on(task.number)
            task = task._replace(ended=None)
        news = []
        steps = steps_of(self._workspace, task)
        if len(steps) > task.steps:
            news += ["steps", "details"]
        stamp = stamp_of(self._folder(task))
        if stamp != self._stamps.get(task.number, ()):
            news.append("details")
        if not news:
            return
        with self._workspace.journal.transaction():
            now = self._tasks.get(task.number)
            if now is None or now.steps > task.steps:
                return  # another service has reported it
            if len(steps) != task.steps:
                self._tasks.see_steps(task.number, len(steps))
            queue_calls(self._workspace.journal, task, dict.fromkeys(news))
        self._stamps[task.number] = stamp

    def _folder(self, task: Task) -> Path:
        if task.key not in self._folders:
            self._workspace.catch_up()
            self._folders[task.key] = folder_of(self._workspace, task)
        return self._folders[task.key]

    def _end(self, watched: Watched, ended: str) -> None:
        """Record how a task ended, with its files, and tell that."""
        task, status, reason, since = watched
        self._workspace.catch_up()
        try:
            files = list(self._files(task))
        except AsimovError:
            if ended == SUCCESS:  # what it made is not known: it is looked at again
                raise
            files = []
        steps = steps_of(self._workspace, task)
        cleared = ended == SUCCESS and any(not each.cleared for each in steps)
        with self._workspace.journal.transaction():
            now, record = self._tasks.get(task.number), self._workspace.journal.record(task.key)
            if now is None or (now.ended, now.since) != (task.ended, task.since):
                return  # another service has recorded it
            if record is None or record.status != status or since not in {None, record.since}:
                return  # the analysis has moved on
            self._tasks.see_steps(task.number, len(steps))
            made = sorted(files, key=lambda each: each[0])
            self._tasks.set_files(task.number, [given for _, given in made])
            said = said_at_end(self._workspace, task, ended, reason)
            self._tasks.end(task.number, ended, record.since, said)
            news = ["status", "details"]
            if cleared or len(steps) > task.steps:
                news.insert(1, "steps")
            queue_calls(self._workspace.journal, task, news)
        self._stamps.pop(task.number, None)
        self._folders.pop(task.key, None)

    def _files(self, task: Task) -> Iterator[tuple[float, dict[str, str]]]:
        """Yield the stored files that a task's card describes, with the times of their making."""
        if task.key not in self._workspace.contents.entries:
            raise AsimovError(f"{task.key} is missing from the ledger")
        card = next(
            (e.card for e in Catalogue(self._workspace).own.values() if e.pipeline == task.plugin),
            None,
        )
        if card is None:
            raise AsimovError(f"there is no card of {task.plugin}; is its package installed?")
        assets: Mapping[str, Any] = self._workspace.analysis(task.key).assets
        store, rundir = self._workspace.store, folder_of(self._workspace, task)
        folder, manifest = store.root.joinpath(*task.key), store.manifest(*task.key)
        for each in card.outputs:
            for path in paths_of(assets.get(each.asset, [])):
                made = path.stat().st_mtime_ns if path.exists() else 0
                for stored in _stored(path, (rundir, folder), manifest):
                    if not (folder / stored).is_file():
                        continue
                    yield (
                        made,
                        {
                            "file": Path(stored).name,
                            "data_type": each.data_type,
                            "content_type": each.content_types[0],
                            "stored": stored,
                        },
                    )


def _stored(path: Path, places: Iterable[Path], manifest: Mapping[str, Any]) -> list[str]:
    """Return the names in the store of a product: its own, or those of the files in a folder."""
    above = next((each for each in places if path.is_relative_to(each)), path.parent)
    name = str(path.relative_to(above))
    return [each for each in manifest if each == name or each.startswith(f"{name}/")]
