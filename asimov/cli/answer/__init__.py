"""``asimov answer``: show and answer what an analysis asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from asimov.cli.answer.given import given_answers
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json
from asimov.engine.questions.answering import answer, question_of
from asimov.engine.questions.shown import asked_of, lines
from asimov.engine.questions.shown import command as answer_command
from asimov.journal.keys import Key
from asimov.journal.questions import Asked


@click.command("answer")
@click.argument("analysis", metavar="SUBJECT/NAME")
@click.argument("answers", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "-f", "--file", type=click.Path(path_type=Path), help="Read answers from this YAML file."
)
@click.option("--show", is_flag=True, help="Only show the questions.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(
    analysis: str, answers: tuple[str, ...], file: Path | None, show: bool, as_json: bool
) -> None:
    """Show an analysis's questions, or answer them.

    Values are YAML; those on the command line override those of the file. The analysis becomes
    ready again, and its next job runs with the answers.

    \b
    Example:
      asimov answer sunspots/detrend
      asimov answer sunspots/detrend level=2.5 method=linear
    """
    given = given_answers(answers, file)
    showing = show or not (answers or file)
    use = Use.READ if showing else Use.ACT
    workspace = open_workspace(use)
    key = workspace.key(*named(analysis))
    if showing:
        asked = question_of(workspace, key)
        if as_json:
            show_json(asked_of(asked))
            return
        show_question(asked)
        return
    say_answered(answer(workspace, key, given), given, as_json=as_json)


def named(analysis: str) -> Key:
    """Return the key of an analysis that is written in full.

    Raises
    ------
    click.UsageError
        If it is not.
    """
    if "/" not in analysis:
        raise click.UsageError(f"{analysis!r} is not an analysis: write SUBJECT/NAME")
    return Key.of(analysis)


def show_question(asked: Asked) -> None:
    """Print what is asked, and the command that answers it."""
    for line in lines(asked):
        say(line)
    say(f"to answer: {answer_command(asked.key, asked)}")


def say_answered(asked: Asked, given: Mapping[str, Any], *, as_json: bool) -> None:
    """Say that a question is answered."""
    key = asked.key
    if as_json:
        show_json({"subject": key.subject, "analysis": key.name, "question": asked.question,
                   "answers": given})  # fmt: skip
        return
    say(f"{key}: {asked.question!r} is answered; 'asimov monitor --chain' runs what comes next")
