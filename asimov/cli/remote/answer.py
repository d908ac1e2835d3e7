"""``asimov --server URL answer``: show or answer an analysis's questions through a service."""

from __future__ import annotations

from pathlib import Path

from asimov.cli import answer as local
from asimov.cli.answer.given import given_answers
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_form
from asimov.cli.terminal.output import show_json
from asimov.engine.questions.shown import asked_from


def _answer(
    analysis: str, answers: tuple[str, ...], file: Path | None, show: bool, as_json: bool
) -> None:
    given = given_answers(answers, file)
    subject, name = local.named(analysis)
    client = service()
    question = client.question(subject, name)
    if show or not (answers or file):
        if as_json:
            show_json(question)
        else:
            local.show_question(asked_from(question))
        return
    client.answer(subject, name, given)
    local.say_answered(asked_from(question), given, as_json=as_json)


command = remote_form(local.command, _answer)
