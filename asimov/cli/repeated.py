"""``asimov monitor`` that goes on: passes, looks at event logs between them, and when to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from asimov.cli.opened import amiss
from asimov.cli.output import say
from asimov.cli.rhythm import Rhythm
from asimov.configuration import number
from asimov.engine.lease import at_work, watching
from asimov.engine.monitor import Pass, after_pass, monitor
from asimov.engine.status import LOST
from asimov.engine.watch import Watch
from asimov.errors import (
    EXIT_BUSY,
    EXIT_STUCK,
    EXIT_TIMED_OUT,
    EXIT_UNREACHABLE,
    ReportedError,
)
from asimov.plugins import hooks
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system.supervision import supervisor


@dataclass
class Repeated:
    """Passes and looks until there is nothing to wait for, or the time is up.

    Parameters
    ----------
    workspace
        The open project.
    subject
        The only subject to look at.
    chain
        Whether to build and submit what has become ready.
    until_idle
        Whether to end when nothing is under way.
    rhythm
        Seconds between passes, in which the scheduler is asked, and between looks at event logs.
    timeout
        Seconds after which to give up.
    """

    workspace: Workspace
    subject: str | None
    chain: bool
    until_idle: bool
    rhythm: Rhythm
    timeout: float | None
    _said: Said = field(init=False)
    _watch: Watch = field(init=False)
    #: When the scheduler was asked last, and when there was last something to wait for.
    _asked: float | None = None
    _answered: float = field(default_factory=time.monotonic)
    _unreachable: list[str] = field(default_factory=list)
    _began: float = field(init=False)
    _hooks: float = field(init=False)
    #: When the postmonitor hooks ran last, and whether something was done since.
    _hooked: float | None = None
    _pending: bool = False

    def __post_init__(self) -> None:
        self._said = Said(amiss(self.workspace, whole=True))
        self._watch = Watch(self.workspace, self._said, self.subject, self.chain)
        self._began = time.time()
        self._hooks = hooks.interval(self.workspace)

    def run(self) -> int:
        """Go on until the end; return the exit code."""
        with watching(
            self.workspace,
            "asimov monitor --watch" if not self.until_idle else "asimov monitor --until-idle",
        ):
            supervisor.watching()
            return self._run()

    def _run(self) -> int:
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        patience = number(self.workspace.project.config, "monitor", "patience", 600)
        looks = self.rhythm.looks
        while True:
            self._said.next_pass()
            outcome = self._look()
            if outcome is None:
                self._said.keep()
            else:
                code = self._end(outcome, patience)
                if code is not None:
                    return code
            # A pass that is due and could not be made, since another is at work, is tried again.
            pause = min(looks, self._due_in() or (0.0 if outcome else self.rhythm.passes))
            if deadline is not None and time.monotonic() + pause > deadline:
                if self._unreachable:
                    return EXIT_UNREACHABLE
                say("timed out" if self.until_idle else "the time is up")
                return EXIT_TIMED_OUT if self.until_idle else 0
            time.sleep(pause)

    def _due_in(self) -> float:
        """Return in how many seconds the scheduler is to be asked again."""
        if self._asked is None:
            return self.rhythm.looks
        return max(0.0, self._asked + self.rhythm.passes - time.monotonic())

    def _look(self) -> Pass | None:
        """Make a pass where one is due, or look at the logs; None where nothing is new."""
        first = self._asked is None
        try:
            if first or not self._due_in():
                self.workspace.reload()
                for line in amiss(self.workspace, whole=True):
                    self._said(line)
                due = self._hooks_due()
                outcome: Pass | None = one_pass(
                    self.workspace, self.subject, self.chain, self._said, postmonitor=due
                )
                self._pending = not due
                self._asked = time.monotonic()
                self._unreachable = outcome.unreachable if outcome else []
                self._watch.forget()
            else:
                outcome = self._watch.look()
                if outcome is not None:
                    self._pending = True
                    outcome.unreachable = self._unreachable
        except ReportedError as error:
            # A watch outlives a ledger that somebody is just editing, and another command at work.
            if self.until_idle and (first or error.exit_code != EXIT_BUSY):
                raise
            if error.exit_code != EXIT_BUSY:
                self._asked = time.monotonic()
            self._said(str(error))
            return None
        return outcome

    def _hooks_due(self) -> bool:
        """Say whether the postmonitor hooks are to run: they may be slow, and passes frequent."""
        if self._hooked is not None and self._hooked + self._hooks > time.monotonic():
            return False
        self._hooked = time.monotonic()
        return True

    def _last_hooks(self) -> None:
        """Let hooks see how things stand in the end."""
        if self._pending and self.workspace.contents.project.get("hooks"):
            with at_work(self.workspace, "asimov monitor", wait=True):
                after_pass(self.workspace, self._said, self._began)

    def _end(self, outcome: Pass, patience: float) -> int | None:
        """Tell how things stand; return the exit code where there is nothing to wait for."""
        if self.until_idle and not (outcome.active or outcome.unreachable or outcome.moved):
            self._last_hooks()
            summarise(outcome, self.chain)
            return 0 if outcome.all_done else EXIT_STUCK
        if not outcome.unreachable and outcome.awaited:
            self._answered = time.monotonic()
        for line in (*outcome.unreachable, _counts(outcome)):
            self._said(line)
        if self.until_idle and time.monotonic() - self._answered > patience:
            summarise(outcome, self.chain)
            if not outcome.unreachable:
                say(f"gave up: for {patience:g} s ([monitor] patience) only lost jobs were left")
            return EXIT_UNREACHABLE if outcome.unreachable else EXIT_STUCK
        return None


def one_pass(
    workspace: Workspace,
    subject: str | None,
    chain: bool,
    report: Callable[[str], None] = say,
    *,
    postmonitor: bool = True,
) -> Pass:
    """Make one pass, as the only command at work, and what packages add to its end."""
    with at_work(workspace, "asimov monitor"):
        began = time.time()
        outcome = monitor(workspace, report, subject=subject, chain=chain)
        after_pass(workspace, report, began, postmonitor=postmonitor)
        return outcome


class Said:
    """Prints lines, save those that are known or that the pass before has printed as well."""

    def __init__(self, known: Iterable[str]) -> None:
        self._before: set[str] = set()
        self._now = set(known)

    def next_pass(self) -> None:
        """Begin another pass."""
        self._before, self._now = self._now, set()

    def keep(self) -> None:
        """Take nothing for said anew: nothing was looked at."""
        self._now |= self._before

    def __call__(self, line: str) -> None:
        """Print a line, unless it says nothing new."""
        self._now.add(line)
        if line not in self._before:
            say(line)


def _counts(outcome: Pass) -> str:
    """Count the analyses by their states, and those apart whose jobs are lost."""
    counts = {state: outcome.counts.get(state, 0) - outcome.lost.get(state, 0) for state in STATES}
    counts[LOST] = sum(outcome.lost.values())
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "empty"


def summarise(outcome: Pass, chain: bool) -> None:
    """Print how things stand after the last pass, and what a person may do about it."""
    say(_counts(outcome))
    for line in outcome.unreachable:
        say(f"the scheduler can't be asked: {line}")
    if outcome.lost:
        say("nothing tells what became of lost jobs: 'asimov why SUBJECT NAME' says what to do")
    if outcome.startable and not chain and not outcome.active:
        say(f"{outcome.startable} can be built and submitted: 'asimov monitor --chain' does both")
    if outcome.counts.get("stuck") or outcome.blocked:
        say("some need a person: 'asimov status' shows them, 'asimov log' tells why")
