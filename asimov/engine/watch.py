"""The watch loop: monitor passes, event logs read between them, and when to end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from asimov.configuration import number
from asimov.engine.lease import at_work, watching
from asimov.engine.log_watch import LogWatch
from asimov.engine.monitor import Pass, after_pass, run_pass
from asimov.errors import (
    EXIT_BUSY,
    EXIT_STUCK,
    EXIT_TIMED_OUT,
    EXIT_UNREACHABLE,
    ReportedError,
)
from asimov.plugins import hooks
from asimov.project.removed import ledger_warnings
from asimov.project.workspace import Workspace
from asimov.system import clock
from asimov.system.processes import ProcessIdentity
from asimov.system.supervision import supervisor


class _Interrupts:
    """Remember Ctrl-C, which Python drops if it arrives while an object is being deleted."""

    def __init__(self) -> None:
        self._received = False

    def __enter__(self) -> _Interrupts:
        self._ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if the user has pressed Ctrl-C."""
        if self._received:
            raise KeyboardInterrupt

    def _receive(self, number: int, frame: object) -> None:
        self._received = True
        raise KeyboardInterrupt


@dataclass
class Watch:
    """Makes passes and reads event logs until nothing is left to wait for, or the time is up.

    Parameters
    ----------
    workspace
        The open project.
    say
        Takes each line of output.
    subject
        The only subject to look at; None for all.
    chain
        Whether to build and submit what has become ready.
    until_idle
        Whether to end when no analysis is active.
    pass_interval
        Seconds between passes, which ask the scheduler.
    log_interval
        Seconds between looks at event logs.
    timeout
        Seconds after which to end in any case; None for no limit.
    beside
        The process with whose end to end, however it ends; None for none. A pass is completed.
    """

    workspace: Workspace
    say: Callable[[str], None]
    subject: str | None
    chain: bool
    until_idle: bool
    pass_interval: float
    log_interval: float
    timeout: float | None
    beside: ProcessIdentity | None = None
    _news: News = field(init=False)
    _logs: LogWatch = field(init=False)
    #: When the last pass was made, and when there was last something to wait for.
    _passed: float | None = None
    _answered: float = field(default_factory=time.monotonic)
    _unreachable: list[str] = field(default_factory=list)
    #: Whether the last pass was refused: until one is not, nothing is changed.
    _refused: bool = False
    _began: float = field(init=False)
    _hook_interval: float = field(init=False)
    #: When the postmonitor hooks last ran, and whether anything was done since.
    _hooked: float | None = None
    _hooks_pending: bool = False

    def __post_init__(self) -> None:
        self._news = News(self.say, ledger_warnings(self.workspace, whole=True))
        self._logs = LogWatch(self.workspace, self._news, self.subject, self.chain)
        self._began = clock.now()
        self._hook_interval = hooks.interval(self.workspace)

    def run(self) -> int:
        """Watch until the end; return the exit code.

        Raises
        ------
        ReportedError
            With the exit code `EXIT_BUSY` if somebody watches the project already. With
            `until_idle` also for what makes the first pass fail, and for any later failure except
            that another command is at work.
        """
        with watching(
            self.workspace,
            "asimov monitor --watch" if not self.until_idle else "asimov monitor --until-idle",
        ):
            supervisor.watching()
            with _Interrupts() as interrupts:
                return self._run(interrupts)

    def _run(self, interrupts: _Interrupts) -> int:
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        patience = number(self.workspace.project.config, "monitor", "patience", 600)
        while True:
            if self.beside is not None and not self.beside.alive:
                self.say(f"the process {self.beside.pid} has ended")
                return 0
            self._news.next_pass()
            outcome = self._step()
            interrupts.check()
            if outcome is None:
                self._news.keep()
            else:
                code = self._end(outcome, patience)
                if code is not None:
                    return code
            # A pass that is due and failed because another command is at work is tried again.
            due = self._due_in() or (0.0 if outcome else self.pass_interval)
            pause = min(self.log_interval, due)
            if deadline is not None and time.monotonic() + pause > deadline:
                if self._unreachable:
                    return EXIT_UNREACHABLE
                self.say("timed out" if self.until_idle else "the time limit was reached")
                return EXIT_TIMED_OUT if self.until_idle else 0
            time.sleep(pause)
            interrupts.check()

    def _due_in(self) -> float:
        """Return the seconds until the next pass."""
        if self._passed is None:
            return self.log_interval
        return max(0.0, self._passed + self.pass_interval - time.monotonic())

    def _step(self) -> Pass | None:
        """Make a pass if one is due, else read the event logs; None if there is nothing new."""
        first = self._passed is None
        try:
            if first or not self._due_in():
                return self._pass()
            outcome = None if self._refused else self._logs.look()
            if outcome is not None:
                self._hooks_pending = True
                outcome.unreachable = self._unreachable
        except ReportedError as error:
            # A watch survives a ledger that somebody is just editing, and another command at work.
            if self.until_idle and (first or error.exit_code != EXIT_BUSY):
                raise
            if error.exit_code != EXIT_BUSY:
                self._passed = time.monotonic()
            self._news(str(error))
            return None
        return outcome

    def _pass(self) -> Pass:
        self.workspace.reload()
        for line in ledger_warnings(self.workspace, whole=True):
            self._news(line)
        run_hooks = self._hooks_due()
        outcome = run_pass(
            self.workspace, self._news, subject=self.subject, chain=self.chain, run_hooks=run_hooks
        )
        self._hooks_pending = not run_hooks
        self._passed = time.monotonic()
        self._unreachable = outcome.unreachable
        self._refused = outcome.refused
        self._logs.forget()
        return outcome

    def _hooks_due(self) -> bool:
        """Return whether it is time for the postmonitor hooks: they may be slow."""
        if self._hooked is not None and self._hooked + self._hook_interval > time.monotonic():
            return False
        self._hooked = time.monotonic()
        return True

    def _run_last_hooks(self) -> None:
        """Let the hooks see the final states."""
        if self._hooks_pending and self.workspace.contents.project.get("hooks"):
            with at_work(self.workspace, "asimov monitor", wait=True):
                after_pass(self.workspace, self._news, self._began)

    def _end(self, outcome: Pass, patience: float) -> int | None:
        """Report the state of things; return the exit code if nothing is left to wait for."""
        if self.until_idle and not (outcome.active or outcome.unreachable or outcome.moved):
            self._run_last_hooks()
            self._summarise(outcome)
            return 0 if outcome.all_done else EXIT_STUCK
        if not outcome.unreachable and outcome.awaited:
            self._answered = time.monotonic()
        for line in (*outcome.unreachable, outcome.progress_line()):
            self._news(line)
        if self.until_idle and time.monotonic() - self._answered > patience:
            self._summarise(outcome)
            if not outcome.unreachable:
                self.say(
                    f"gave up: only lost jobs were left for {patience:g} s ([monitor] patience)"
                )
            return EXIT_UNREACHABLE if outcome.unreachable else EXIT_STUCK
        return None

    def _summarise(self, outcome: Pass) -> None:
        for line in outcome.summary(chain=self.chain):
            self.say(line)


class News:
    """Passes on lines, except those that are known or that the previous pass had as well.

    Parameters
    ----------
    say
        Takes each new line.
    known
        Lines that were printed before the first pass.
    """

    def __init__(self, say: Callable[[str], None], known: Iterable[str]) -> None:
        self._say = say
        self._before: set[str] = set()
        self._now = set(known)

    def next_pass(self) -> None:
        """Begin another pass."""
        self._before, self._now = self._now, set()

    def keep(self) -> None:
        """Keep the lines of the previous pass as known: nothing was looked at in this one."""
        self._now |= self._before

    def __call__(self, line: str) -> None:
        """Take a line."""
        self._now.add(line)
        if line not in self._before:
            self._say(line)
