"""Which analyses a command is about: patterns and filters, and the question before it acts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar

import click

from asimov import states
from asimov.cli.terminal.moment import Moment
from asimov.cli.terminal.output import say, warn
from asimov.discovery import entrypoints
from asimov.engine.staleness.verdicts import outdated
from asimov.engine.status import OF_JOBS, shown_state
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.records import Record
from asimov.ledger.needs import check_label, has_label
from asimov.project.lookup import removal_of
from asimov.project.patterns import Names
from asimov.project.workspace import Workspace
from asimov.text import did_you_mean, listed, quoted

#: How many analyses `confirm` lists.
_LISTED = 20

#: What `status` shows of a job with which all is well so far.
_UNDER_WAY = {"submitted", "idle"}

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Selection:
    """The analyses that a person selected; each filter narrows the choice.

    Attributes
    ----------
    patterns
        Words such as ``'gw19*/bilby*'``, ``SUBJECT`` or the two words ``SUBJECT NAME``.
    states, pipelines, labels
        An analysis must have one of the states, one of the pipelines, one of the labels. The state
        ``running`` includes jobs that wait for a machine.
    since
        Its state must have changed since then, in seconds since the epoch.
    outdated
        Whether it must be out of date.
    """

    patterns: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    since: float | None = None
    outdated: bool = False

    @property
    def given(self) -> bool:
        """Whether anything was given; otherwise all analyses are selected."""
        return bool(self.patterns) or self.filtered

    @property
    def filtered(self) -> bool:
        """Whether there are filters besides the patterns."""
        given = (self.states, self.pipelines, self.labels, self.outdated)
        return any(given) or self.since is not None

    def require(self) -> None:
        """Refuse to go on with all analyses if nothing was selected.

        Raises
        ------
        click.UsageError
            If there is neither a pattern nor a filter.
        """
        if not self.given:
            raise click.UsageError("say which analyses: SUBJECT/NAME, a filter, or '*' for all")

    def names(self, keys: Sequence[Key]) -> bool:
        """Return whether the patterns spell one analysis, and nothing else."""
        return len(keys) == 1 and str(keys[0]) == "/".join(self.patterns)

    def of(
        self, workspace: Workspace, *, more: Iterable[Key] = (), may_be_empty: bool = False
    ) -> list[Key]:
        """Return the selected analyses, in the ledger's order.

        Parameters
        ----------
        workspace
            The open project.
        more
            Analyses that can be selected although they are not in the ledger.
        may_be_empty
            Whether filters may leave nothing, as they may for a listing.

        Raises
        ------
        AsimovError
            If a pattern matches nothing, a state or a pipeline is unknown, a label has no value to
            compare with, or nothing is left.
        """
        removals = partial(removal_of, workspace.journal)
        names = Names(workspace.contents, workspace.records, more, removals)
        keys = names.matching(self.patterns)
        wanted = self._wanted_states()
        self._check_pipelines(workspace)
        for each in self.labels:
            check_label(each)
        found = [key for key in keys if self._fits(workspace, key, wanted)]
        if self.outdated:
            old = outdated(workspace, found)
            found = [key for key in found if key in old]
        if not found and not may_be_empty:
            raise AsimovError(
                "no analysis fits these filters" if keys else "there are no such analyses",
                hint="'asimov status' with the same words shows what there is",
            )
        return found

    def _fits(self, workspace: Workspace, key: Key, wanted: frozenset[str]) -> bool:
        record = workspace.records.get(key)
        if wanted and not wanted & _states_of(workspace, key, record):
            return False
        if self.since is not None and (record is None or record.since < self.since):
            return False
        entry = workspace.contents.entries.get(key)
        if self.pipelines and (
            entry is None or entry.pipeline.lower() not in {each.lower() for each in self.pipelines}
        ):
            return False
        if not self.labels:
            return True
        labels = workspace.settings(key).get("labels") if entry is not None else None
        return any(has_label(labels, each) for each in self.labels)

    def _wanted_states(self) -> frozenset[str]:
        known = [*states.STATES, *OF_JOBS]
        wanted = {_name(each) for each in self.states}
        for each in sorted(wanted.difference(known)):
            raise AsimovError(
                f"there is no state {quoted(each)}{did_you_mean(each, known)}",
                hint=f"the states are {', '.join(known)}",
            )
        return frozenset(wanted)

    def _check_pipelines(self, workspace: Workspace) -> None:
        if not self.pipelines:
            return
        used = {entry.pipeline.lower() for entry in workspace.contents.entries.values()}
        known = used.union(map(str.lower, entrypoints.found(entrypoints.PIPELINES)))
        for each in self.pipelines:
            if each.lower() not in known:
                raise AsimovError(
                    f"there is no pipeline {quoted(each)}{did_you_mean(each.lower(), known)}",
                    hint=f"the ledger's analyses use {listed(sorted(used)) or 'none'}",
                )


def _name(state: str) -> str:
    """Return a state's present name; ``queued`` means a job that waits for a machine."""
    return "idle" if state.lower() == "queued" else states.ALIASES.get(state.lower(), state.lower())


def _states_of(workspace: Workspace, key: Key, record: Record | None) -> set[str]:
    """Return the names under which an analysis's state is known: its own, and its job's."""
    state = record.status if record is not None else workspace.status(key)
    job = record.job_state if record is not None else None
    if not (states.STATES[state].active or state == "stuck"):
        return {state}
    shown = {shown_state(state, job), *([job] if job and job != "running" else [])}
    return shown | {state} if shown & _UNDER_WAY else shown


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
            help="Only with this label, or with such a value: 'quality >= 3'.",
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
        raise AsimovError(f"not confirmed: {action}", hint="add --yes to do it without a question")
    click.confirm(f"{action[:1].upper()}{action[1:]}?", abort=True, err=True)
