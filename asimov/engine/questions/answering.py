"""Take a person's answers: check them, record them, and let the analysis go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from asimov.configuration import owner
from asimov.engine.lease import at_work
from asimov.engine.questions.asking import questions_of, wrong_answer
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.questions import Asked, Questions
from asimov.ledger.documents import inline
from asimov.project.workspace import Workspace
from asimov.settings.validation import respelled
from asimov.system import clock


def answer(
    workspace: Workspace, key: Key, given: Mapping[str, Any], person: str | None = None
) -> Asked:
    """Answer the question of an analysis, which is ready again after that.

    Answers, who gave them and the new state are recorded in one transaction: a question is
    answered once.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    given
        The answers, by the names of the fields.
    person
        Who answers; by default the current user.

    Returns
    -------
    Asked
        The question, as it was before.

    Raises
    ------
    AsimovError
        If the analysis asks nothing, or the answers are not what its pipeline declares; then
        nothing has changed.
    """
    with at_work(workspace, "asimov answer", wait=True):
        workspace.adopt()
        asked = question_of(workspace, key)
        analysis = workspace.analysis(key)
        question = next((q for q in questions_of(analysis) if q.name == asked.question), None)
        if question is None:
            raise AsimovError(
                f"the pipeline of {key} does not ask {asked.question!r} any more",
                hint=f"'asimov production set {key} --status ready' goes on without an answer",
            )
        if wrong := wrong_answer(question, given):
            raise AsimovError(str(wrong), hint=wrong.hint or show_command(key))
        answers = respelled(question.answers, given)
        by = person or owner()
        with workspace.journal.transaction():
            workspace.facts.answer(key, question.name, answers)
            Questions(workspace.journal).answer(asked.number, by, answers)
            reason = f"answered {question.name!r}: {inline(answers)}"
            workspace.journal.note(key, by, "answered", reason)
            workspace.move(key, "ready", by, f"{question.name!r} was answered")
    return asked


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
        raise AsimovError(f"{key} asks nothing; it is {status}")
    last = before[-1]
    given = msgspec.json.encode(last.answers).decode()
    raise AsimovError(
        f"{key} asks nothing; it is {status}, and {last.question!r} was answered by {last.person} "
        f"at {clock.iso(last.answered)}: {given}",
        hint=f"'asimov production set {key} --status restart' starts over, and asks again",
    )


def show_command(key: Key) -> str:
    """Return a hint with the command that shows a question."""
    return f"'asimov answer {key}' shows what is asked"
