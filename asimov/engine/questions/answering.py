"""Take a person's answers: check them, record them, and let the analysis go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asimov.configuration import person
from asimov.engine.lease import at_work
from asimov.engine.questions.asking import faults_of_answers, questions_of
from asimov.errors import EXIT_BUSY, AsimovError
from asimov.journal.keys import Key
from asimov.journal.questions import Asked, Questions
from asimov.ledger.documents import inline
from asimov.project.workspace import Workspace
from asimov.settings import Fault
from asimov.settings.validation import respelled
from asimov.states import reachable
from asimov.system import clock


class WrongAnswersError(AsimovError):
    """Answers are not what the pipeline declares.

    Attributes
    ----------
    faults
        What is wrong, by the path of keys; for programs that show a form.
    """

    def __init__(self, key: Key, faults: Sequence[Fault]) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        hint = faults[0].hint or f"'asimov answer {key}' shows the questions"
        super().__init__(f"{faults[0]}{more}", hint=hint)
        self.faults = list(faults)


def answer(
    workspace: Workspace,
    key: Key,
    given: Mapping[str, Any],
    besides: Callable[[], None] = lambda: None,
) -> Asked:
    """Answer the question of an analysis, which is ready again after that.

    Answers, who gave them and the new state are recorded in one transaction: a question is
    answered once. That waits for no pass of the monitor, since no pass moves an analysis that asks:
    the next one, or what is left of this one, goes on with it.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    given
        The answers, by the names of the fields.
    besides
        Writes to the journal in the transaction of the answers: both are recorded, or neither.

    Returns
    -------
    Asked
        The question, as it was before.

    Raises
    ------
    WrongAnswersError
        If the answers are not what its pipeline declares; nothing has changed then.
    AsimovError
        If the analysis asks nothing, or its pipeline does not ask this any more; or if another
        command has answered it, or moved the analysis, meanwhile.
    """
    workspace.catch_up()
    asked = question_of(workspace, key)
    analysis = workspace.analysis(key)
    question = next((q for q in questions_of(analysis) if q.name == asked.question), None)
    if question is None:
        raise AsimovError(
            f"the pipeline of {key} no longer asks {asked.question!r}",
            hint=f"'asimov production set {key} --status ready' continues without an answer",
        )
    if wrong := faults_of_answers(question, given):
        raise WrongAnswersError(key, wrong)
    answers = respelled(question.answers, given)
    by = person()
    with workspace.journal.durably():
        if not Questions(workspace.journal).answer(asked.number, by, answers):
            raise AsimovError(f"{key} no longer asks {asked.question!r}: it was answered meanwhile")
        workspace.facts.answer(key, question.name, answers)
        reason = f"answered {question.name!r}: {inline(answers)}"
        workspace.journal.note(key, by, "answered", reason)
        if not workspace.move(key, "ready", by, f"{question.name!r} was answered"):
            raise AsimovError(f"{key} no longer asks {asked.question!r}: it was moved meanwhile")
        besides()
    _tell(workspace)
    return asked


def _tell(workspace: Workspace) -> None:
    """Queue the notifications of that now; whoever is at work does it when it has finished."""
    try:
        with at_work(workspace, "asimov answer"):
            pass
    except AsimovError as error:
        if error.exit_code != EXIT_BUSY:
            raise


def question_of(workspace: Workspace, key: Key) -> Asked:
    """Return the open question of an analysis.

    Raises
    ------
    AsimovError
        If it asks nothing; the error says who answered its last question, and when.
    """
    status = workspace.status(key)
    questions = Questions(workspace.journal)
    asked = questions.open().get(key)
    if status == "asking" and asked is not None:
        return asked
    before = [each for each in questions.of(key) if each.answered is not None]
    if not before:
        raise AsimovError(f"{key} is not waiting for an answer: it is {status}")
    last = before[-1]
    given = inline(last.answers or {})
    raise AsimovError(
        f"{key} is not waiting for an answer: it is {status}, and {last.question!r} was answered "
        f"by {last.person} at {clock.iso(last.answered)}: {given}",
        hint=_again(key, status),
    )


def _again(key: Key, status: str) -> str | None:
    """Return how an analysis comes to ask again what was answered; None if it can't."""
    set_to = f"asimov production set {key} --status"
    if status == "restart":
        return "the next pass of 'asimov monitor' starts it over, and it will ask again"
    able = reachable(status, "person")
    if "restart" in able:
        return f"to be asked again, start over: {set_to} restart"
    if "stuck" in able:
        return f"to be asked again, start over: {set_to} stuck; {set_to} restart"
    return None
