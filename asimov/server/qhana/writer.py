"""The helper process that acts for QHAna's protocol: it starts tasks and takes answers."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import yaml

from asimov.configuration import acting_for
from asimov.engine.apply import apply
from asimov.engine.notifications.sender import send
from asimov.engine.questions.answering import WrongAnswersError, answer
from asimov.engine.questions.asking import questions_of
from asimov.errors import AsimovError
from asimov.journal.deliveries import Deliveries
from asimov.journal.keys import Key
from asimov.journal.questions import Questions
from asimov.journal.tasks import Task, Tasks
from asimov.ledger import blueprints
from asimov.plugins.calls import call_plugin
from asimov.plugins.crashes import Call
from asimov.plugins.methods import imported
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError, refused
from asimov.server.processes.answering import serve_questions
from asimov.server.processes.pool import WRITING
from asimov.server.processes.recorded import accepted_if_recorded
from asimov.server.qhana.catalogue import Catalogue, Plugin
from asimov.server.qhana.forms import FormValues, messages_of, unusable, values_of
from asimov.server.qhana.messages import FormResult, Subscription
from asimov.server.qhana.remote_tasks import RemoteTasks
from asimov.server.qhana.task_view import check_is_there
from asimov.server.qhana.task_watcher import TaskWatcher, queue_calls
from asimov.settings import Fault, faults
from asimov.system import clock


def main(folder: str) -> None:
    """Answer by the methods of `TaskWriter`; `folder` is the project's."""
    serve_questions(folder, TaskWriter, acts=True)


class TaskWriter:
    """Starts tasks, subscribes webhooks, answers steps, and looks after tasks.

    Parameters
    ----------
    folder
        The project's.
    """

    def __init__(self, folder: Path) -> None:
        self._workspace = Workspace.open(folder)
        self._workspace.files.patience = WRITING
        self._tasks = Tasks(self._workspace.journal)
        self._watcher = TaskWatcher(self._workspace)
        self._remote_tasks = RemoteTasks(self._workspace)
        self._sending: threading.Thread | None = None
        with captured():
            self._catalogue = Catalogue(self._workspace)

    # --- tasks

    def start(
        self, name: str, values: FormValues, root: str, webhook: str | None, caller: str
    ) -> FormResult:
        """Start a task of a plugin, unless its form has mistakes.

        Parameters
        ----------
        name
            The identifier of the plugin.
        values
            The form.
        root
            The address of the service.
        webhook
            Who is to know of all events, or None.
        caller
            The name of the key; empty for somebody on this machine.
        """
        plugin = self._catalogue.plugin(name)
        settings = plugin.settings
        if wrong := unusable(settings, values):
            return FormResult(wrong=wrong)
        given = values_of(settings, values)
        if wrong := messages_of(settings, self._mistakes(plugin, settings, given)):
            return FormResult(wrong=wrong)
        self._workspace.catch_up()
        number = self._tasks.add(plugin.pipeline)
        # Of a person, or of a journal that was lost.
        while f"qhana-{number}" in self._workspace.contents.subjects:
            number = self._tasks.add(plugin.pipeline)
        key = Key(f"qhana-{number}", plugin.card.name)
        analysis = {"kind": "analysis", "subject": key.subject, "name": key.name}
        documents = [
            {"kind": "subject", "name": key.subject},
            {**analysis, "pipeline": plugin.pipeline, **plugin.as_analysis(given)},
        ]

        def besides(plan: Any) -> None:
            address = f"{root}/tasks/{number}/"
            self._tasks.begin(number, key, address)
            if webhook is not None:
                self._tasks.subscribe(number, webhook, None, address)

        by = f"key {caller}" if caller else "somebody on this machine"
        with (
            accepted_if_recorded(lambda: self._tasks.get(number) is not None, 409),
            captured(),
            acting_for(f"key {caller}") if caller else nullcontext(),
        ):
            apply(
                self._workspace,
                blueprints.parse(yaml.safe_dump_all(documents, sort_keys=False), "the form"),
                command=f"a form of {plugin.card.identifier}, sent by {by}",
                besides=besides,
            )
        return FormResult(number)

    def _mistakes(
        self, plugin: Plugin, settings: type | None, given: dict[str, Any]
    ) -> list[Fault]:
        """Return what is wrong with a form: with types first, then what the pipeline says."""
        found = faults(settings, given) if settings else []
        if found:
            return found
        root = self._workspace.project.root

        def look() -> list[Fault]:
            kind = imported(plugin.pipeline, self._workspace)
            own = getattr(kind, "settings_faults", None)
            if own is None or plugin.card.settings is not None:
                return []
            return [Fault(*each) for each in own(given, root)]

        with captured():
            wrong: list[Fault] = call_plugin(
                self._workspace, Call.of_plugin(plugin.pipeline, "settings_faults"), look
            )
        return wrong

    def subscription(self, number: int, order: Subscription) -> None:
        """Subscribe a webhook to a task, or unsubscribe it."""
        self._task(number)
        if order.command == "subscribe":
            self._tasks.subscribe(number, order.webhook, order.event, order.source)
        else:
            self._tasks.unsubscribe(number, order.webhook, order.event)

    def _task(self, number: int) -> Task:
        found = self._tasks.get(number)
        if found is None:
            raise FaultError(404, f"there is no task {number}", "address")
        return found

    # --- steps

    def answer(
        self,
        number: int,
        step: int,
        values: FormValues,
        root: str,
        webhook: str | None,
        caller: str,
    ) -> FormResult:
        """Answer a step of a task, unless its form has mistakes; arguments as of `start`."""
        task = self._task(number)
        self._workspace.reload()
        asked = Questions(self._workspace.journal).open().get(task.key)
        if asked is None or asked.number != step:
            known = any(e.number == step for e in Questions(self._workspace.journal).of(task.key))
            what = "is no longer open" if known else "does not exist"
            raise FaultError(409 if known else 404, f"the step {step} of this task {what}")
        check_is_there(self._workspace, task)
        with captured(), acting_for(f"key {caller}") if caller else nullcontext():
            try:
                found = questions_of(self._workspace.analysis(task.key))
                question = next((e for e in found if e.name == asked.question), None)
                answers = question.answers if question else None
                if wrong := unusable(answers, values):
                    return FormResult(wrong=wrong)
                given = values_of(answers, values)
                answer(
                    self._workspace,
                    task.key,
                    given,
                    lambda: self._answered(task, f"{root}/tasks/{number}/", webhook),
                )
            except WrongAnswersError as error:
                return FormResult(wrong=messages_of(answers, error.faults))
            except AsimovError as error:
                raise refused(error, 409) from error
        self._deliver()
        return FormResult(number)

    def _answered(self, task: Task, source: str, webhook: str | None) -> None:
        if webhook is not None:
            self._tasks.subscribe(task.number, webhook, None, source)
        queue_calls(self._workspace.journal, task, ["steps"])

    # --- what happens by itself

    def watch(self) -> int:
        """Record what has happened to tasks, and tell webhooks; return how many tasks go on."""
        with captured():
            going = self._watcher.look()
            self._remote_tasks.follow(self._watcher.waiting)
        self._deliver()
        return going

    def called(self, number: int, question: int) -> None:
        """Look at the task of another plugin that a question of a task waits for."""
        self._task(number)
        self._remote_tasks.called(question)

    def _deliver(self) -> None:
        """Deliver what is due, in a thread."""
        due = Deliveries(self._workspace.journal).next_due()
        if due is None or due > clock.now():
            return
        if self._sending is not None and self._sending.is_alive():
            return
        project = self._workspace.project
        self._sending = threading.Thread(target=send, args=(project, 0.0), daemon=True)
        self._sending.start()
