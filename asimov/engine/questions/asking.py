"""Find out what a pipeline asks, and have its analysis wait for the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov import text
from asimov.engine.questions.shown import first_line
from asimov.journal.questions import Questions
from asimov.ledger.declared_schema import schema_of
from asimov.pipeline.questions import Question
from asimov.plugins.methods import MethodError, call_method, overrides
from asimov.project.analysis import Analysis
from asimov.project.workspace import workspace_of
from asimov.settings import Fault, faults
from asimov.settings.validation import names, rows

#: The most characters of a question.
_MOST = 10_000


def open_question(analysis: Analysis) -> Question[Any] | None:
    """Return the first question of an analysis's pipeline that its settings don't answer.

    Parameters
    ----------
    analysis
        The analysis.

    Raises
    ------
    AsimovError
        If the settings answer a question wrongly, or as `call_method` does.
    """
    if not overrides(analysis.entry.pipeline, "questions"):
        return None
    for each in questions_of(analysis):
        if each.answered(analysis.meta) is None:  # raises if it is answered wrongly
            return each
    return None


def questions_of(analysis: Analysis) -> list[Question[Any]]:
    """Return the questions that an analysis's pipeline asks now, answered or not."""
    found = call_method(analysis, "questions", keep=False)
    if found is None:
        return []
    if not isinstance(found, (list, tuple)) or not all(isinstance(e, Question) for e in found):
        kind = type(found).__name__
        said = f"{analysis.entry.pipeline}.questions should return a list of Question, not {kind}"
        raise MethodError(analysis, "questions", said)
    return list(found)


def faults_of_answers(question: Question[Any], given: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the answers to a question: first what is not asked for."""
    known = names(question.answers)
    spelled = {each.replace(" ", "_") for each in known}.union(known)
    strange = [key for key in given if key not in spelled]
    hint = f"the question asks for {text.listed(known)}"
    return [
        Fault(
            (text.short(key),), f"is not part of the question{text.did_you_mean(key, known)}", hint
        )
        for key in strange
    ] + faults(question.answers, given)


def ask(analysis: Analysis, question: Question[Any], actor: str, *, dry_run: bool = False) -> str:
    """Record a question, and have the analysis wait for the answers; return a line about it.

    Parameters
    ----------
    analysis
        The analysis; the caller holds the lease.
    question
        What is asked.
    actor
        ``submit`` or ``monitor``.
    dry_run
        Whether to change nothing.
    """
    said = first_line(question.text)
    if dry_run:
        return f"would ask: {said}"
    workspace = workspace_of(analysis)
    declared = {
        "rows": [row._asdict() for row in rows(question.answers)],
        "schema": schema_of(question.answers),
        "progress": getattr(question, "progress", None),
        "task": getattr(question, "task", None),
    }
    with workspace.journal.transaction():
        whole = text.short(question.text.strip(), _MOST)
        Questions(workspace.journal).record(analysis.key, question.name, whole, declared)
        workspace.move(analysis.key, "asking", actor, said)
    return f"asks: {said}"


def forget(analysis: Analysis) -> None:
    """Forget what was asked and answered about an analysis that starts over: it asks again."""
    workspace = workspace_of(analysis)
    Questions(workspace.journal).close(analysis.key)
    if workspace.facts.forget_answers(analysis.key):
        for name in ("meta", "kept_meta"):
            vars(analysis).pop(name, None)
