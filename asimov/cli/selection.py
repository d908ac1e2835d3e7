"""The words and options by which commands select analyses, and the question before they act."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from asimov.cli.terminal.moment import Moment
from asimov.cli.terminal.output import say, warn
from asimov.engine import selection as engine_selection
from asimov.errors import AsimovError

#: How many analyses `confirm` lists.
_LISTED = 20

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Selection(engine_selection.Selection):
    """The analyses that a person selected on the command line; see the class that it extends."""

    def require(self) -> None:
        """Refuse to go on with all analyses if nothing was selected.

        Raises
        ------
        click.UsageError
            If there is neither a pattern nor a filter.
        """
        if not self.given:
            raise click.UsageError("select analyses: SUBJECT/NAME, a filter, or '*' for all")


def selection_options(command: _Command) -> _Command:
    """Give a click command patterns and filters; it gets them as the argument ``selection``.

    The patterns are arguments, the filters the options ``--state``, ``--pipeline``, ``--label``,
    ``--since`` and ``--outdated``.
    """

    @wraps(command)
    def with_selection(
        *args: Any,
        patterns: tuple[str, ...],
        states: tuple[str, ...],
        pipelines: tuple[str, ...],
        labels: tuple[str, ...],
        since: float | None,
        outdated: bool,
        **kwargs: Any,
    ) -> Any:
        chosen = Selection(patterns, states, pipelines, labels, since, outdated)
        return command(*args, selection=chosen, **kwargs)

    options = [
        click.argument("patterns", nargs=-1, metavar="[SUBJECT/NAME]..."),
        click.option(
            "--state",
            "states",
            multiple=True,
            metavar="STATE",
            help="Only in this state, as status shows it; 'running' includes submitted and idle. "
            "May be given several times.",
        ),
        click.option(
            "--pipeline",
            "pipelines",
            multiple=True,
            metavar="NAME",
            help="Only with this pipeline; may be given several times.",
        ),
        click.option(
            "--label",
            "labels",
            multiple=True,
            metavar="LABEL",
            help="Only with this label, or with this value of it: 'quality >= 3'.",
        ),
        click.option(
            "--since",
            type=Moment(),
            metavar="TIME",
            help="Only if changed since then: 2d, 3h, yesterday, or an ISO time.",
        ),
        click.option("--outdated", is_flag=True, help="Only if out of date."),
    ]
    decorated: Any = with_selection
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def counted(keys: Sequence[object]) -> str:
    """Return how many analyses there are, in words."""
    return "1 analysis" if len(keys) == 1 else f"{len(keys)} analyses"


#: The option of commands that ask before they act.
yes_option = click.option("-y", "--yes", is_flag=True, help="Act without asking.")


def confirm(what: Sequence[str], yes: bool, action: str = "go on") -> None:
    """List what a command is about to affect, and ask whether to do it.

    Parameters
    ----------
    what
        What is affected, a line each.
    yes
        Whether the person said so already, with ``--yes``; then nothing is asked.
    action
        What the question is about, such as ``cancel 3 analyses``.

    Raises
    ------
    AsimovError
        If there is no terminal to ask at.
    click.Abort
        If the answer is no.
    """
    tell = say if yes else warn
    for line in what[:_LISTED]:
        tell(f"  {line}")
    if len(what) > _LISTED:
        tell(f"  and {len(what) - _LISTED} more")
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise AsimovError(f"not confirmed: {action}", hint="add --yes to skip the question")
    click.confirm(f"{action[:1].upper()}{action[1:]}?", abort=True, err=True)
