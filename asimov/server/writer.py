"""The helper process that makes the service's changes, one request after another.

Each request is carried out in the transaction of the command that does the same, together with the
record of its answer: a request that is sent again after a crash is not carried out again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from asimov.configuration import acting_for
from asimov.engine.changes.review import add_reviews
from asimov.engine.plain_data.plan import plan_data
from asimov.engine.plain_data.rerun import rerun_data
from asimov.engine.questions.answering import WrongAnswersError, answer
from asimov.engine.rerun.pending import withdraw
from asimov.engine.rerun.plan import carry_out, planned
from asimov.engine.set_state import StateChange, cancel, set_states
from asimov.errors import AsimovError, ReportedError
from asimov.journal.access_keys import AccessKeys
from asimov.journal.answered_requests import Answer, OtherRequestError, Request, answered, record
from asimov.journal.keys import Key
from asimov.ledger import reviews
from asimov.ledger.plan import Plan
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace
from asimov.server.api.blueprints import applied
from asimov.server.api.outcomes import answer_of
from asimov.server.api.request_bodies import Action, ApplyRequest, Rerun
from asimov.server.faults import FaultError, refused
from asimov.server.platipy.writer import DatasetWriter
from asimov.server.processes.answering import serve_questions
from asimov.server.processes.pool import WRITING
from asimov.system.json_text import as_json

#: The states that actions set.
_STATES = {"restart": "restart", "stop": "stop", "cancel": "cancelled"}


def main(folder: str) -> None:
    """Answer by the methods of `Writer`; `folder` is the project's."""
    serve_questions(folder, Writer, acts=True)


class Writer:
    """Acts in a project, as its commands do.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._workspace = Workspace.open(root)
        self._workspace.files.patience = WRITING

    def record_use(self, name: str) -> None:
        """Record that a key was used."""
        AccessKeys(self._workspace.journal).record_use(name)

    def platipy(self, owner: str, what: str, *arguments: Any) -> Any:
        """Do what a client of PlatiPy's protocol wants."""
        self._workspace.catch_up()
        return DatasetWriter(self._workspace, owner).do(what, *arguments)

    def apply(self, request: Request, order: ApplyRequest) -> Answer:
        """Add blueprints to the ledger; return the answer, perhaps of an earlier time."""
        return self._once(request, lambda: self._apply(request, order))

    def _apply(self, request: Request, order: ApplyRequest) -> Answer:
        answers: list[Answer] = []

        def besides(plan: Plan) -> None:
            answers.append(Answer(200, as_json(plan_data(plan, done=True))))
            self._record(request, answers[-1])

        with acting_for(f"key {request.caller}"):
            plan = applied(self._workspace, order, f"key {request.caller}", besides)
        if answers:
            return answers[-1]
        # Nothing is to be recorded of what changed nothing.
        return self._answered(request) or Answer(200, as_json(plan_data(plan, done=True)))

    def act(self, request: Request, action: Action) -> Answer:
        """Change the states of analyses, or review them; return the answer."""
        return self._once(request, lambda: self._act(request, action))

    def _act(self, request: Request, action: Action) -> Answer:
        self._workspace.reload()  # what this process has written itself is seen by no other way
        keys = [self._key(each) for each in dict.fromkeys(action.analyses)]
        answers: list[Answer] = []

        def keep(answer: Answer) -> None:
            answers.append(answer)
            self._record(request, answer)

        def besides(changes: Mapping[Key, StateChange | AsimovError]) -> None:
            keep(answer_of(changes))

        with acting_for(f"key {request.caller}"):
            try:
                if action.action == "review":
                    self._review(keys, action, keep)
                elif action.action == "withdraw":
                    self._withdraw(keys, action, keep)
                elif action.action == "cancel":
                    cancel(self._workspace, keys, action.reason, lambda line: None, besides=besides)
                else:
                    state = action.status or _STATES[action.action]
                    set_states(
                        self._workspace, keys, state, action.reason, lost=action.lost,
                        besides=besides,
                    )  # fmt: skip
            except AsimovError as error:
                if answers:  # what was asked for is done; what else could be done is the monitor's
                    return answers[-1]
                raise refused(error, 409) from error
        return answers[-1]

    def _review(self, keys: list[Key], action: Action, keep: Any) -> None:
        outcome = None if action.status is None else reviews.named(action.status)
        items = [{"analysis": str(key), "review": outcome} for key in keys]
        add_reviews(
            self._workspace,
            keys,
            action.reason,
            outcome,
            "POST /v1/actions",
            lambda: keep(Answer(200, as_json({"items": items}))),
        )

    def _withdraw(self, keys: list[Key], action: Action, keep: Any) -> None:
        def besides(restarts: list[Key], later: list[Key]) -> None:
            items: list[dict[str, Any]] = []
            for key in dict.fromkeys([*keys, *later]):
                outcome: dict[str, Any] = {"withdrawn": key in later}
                if key in restarts:
                    outcome = {"before": "restart", "after": self._workspace.status(key)}
                items.append({"analysis": str(key), **outcome})
            keep(Answer(200, as_json({"items": items})))

        withdraw(self._workspace, keys, action.reason, besides)

    def rerun(self, request: Request, order: Rerun) -> Answer:
        """Run analyses again; return what runs."""
        return self._once(request, lambda: self._rerun(request, order))

    def _rerun(self, request: Request, order: Rerun) -> Answer:
        self._workspace.reload()
        keys = [self._key(each) for each in dict.fromkeys(order.analyses)]
        answers: list[Answer] = []

        def besides(failed: Mapping[Key, str]) -> None:
            answers.append(Answer(200, as_json(rerun_data(plan, failed, done=bool(plan.steps)))))
            self._record(request, answers[-1])

        with acting_for(f"key {request.caller}"), captured():
            try:
                plan = planned(self._workspace, keys, with_users=order.downstream)
                carry_out(self._workspace, plan, order.reason, besides)
            except AsimovError as error:
                raise refused(error, 409) from error
        return answers[-1]

    def answer(self, request: Request, subject: str, name: str, given: dict[str, Any]) -> Answer:
        """Answer what an analysis asks; return that."""
        return self._once(request, lambda: self._answer(request, subject, name, given))

    def _answer(self, request: Request, subject: str, name: str, given: dict[str, Any]) -> Answer:
        self._workspace.reload()
        key = self._key(f"{subject}/{name}")
        reply = Answer(200, as_json({"analysis": str(key), "answers": given}))
        with acting_for(f"key {request.caller}"), captured():
            try:
                answer(self._workspace, key, given, lambda: self._record(request, reply))
            except WrongAnswersError as error:
                raise refused(error, 422, "the body: $.answers") from error
            except AsimovError as error:
                raise refused(error, 409) from error
        return reply

    def _key(self, name: str) -> Key:
        subject, _, rest = name.partition("/")
        try:
            return self._workspace.key(subject, rest)
        except AsimovError as error:
            raise refused(error, 404) from error

    def _once(self, request: Request, carry_out: Callable[[], Answer]) -> Answer:
        """Carry out a request, unless that was done; return its answer.

        The writer of a service that was killed may still be at it when it is sent again. Then one
        of the two fails, since only one can record an answer, and that answer is both's.
        """
        if known := self._answered(request):
            return known
        try:
            return carry_out()
        except (FaultError, ReportedError):
            if known := self._answered(request):
                return known
            raise

    def _answered(self, request: Request) -> Answer | None:
        if not request.name:
            return None
        try:
            return answered(self._workspace.journal, request)
        except OtherRequestError as error:
            raise refused(error, 422, "header: Idempotency-Key") from error

    def _record(self, request: Request, answer: Answer) -> None:
        if request.name:
            record(self._workspace.journal, request, answer)
