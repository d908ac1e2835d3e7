"""Whether a monitor looks after the project, and when one last did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from asimov.journal.leases import WATCH, holder, is_dead
from asimov.keepers.present import kept
from asimov.project.workspace import Workspace
from asimov.states import OWN, STATES
from asimov.system import clock
from asimov.system.files import is_full

#: Journal property: the last pass, as JSON with the keys of `_Look`.
_PROPERTY = "last pass"
#: Journal property: how many seconds that pass took, as text.
_TOOK = "last pass took"
#: After how many seconds without a look to warn.
_LONG = 86400.0
#: A pass this many seconds after the recorded one is not worth a write.
_MINUTE = 60.0
#: A pass this many seconds in the future was not made then: a clock is wrong, or was.
_AHEAD = 300.0
#: A line of a crontab is alive if it looked within this many of its intervals.
_MISSED = 3


class _Look(msgspec.Struct, frozen=True):
    """A pass.

    Attributes
    ----------
    at
        When it was made, in seconds since the epoch.
    answered
        When a pass last had an answer of every scheduler it asked; None if none has.
    problem
        Why this one had none, or None.
    """

    at: float
    answered: float | None
    problem: str | None = None


class Attendance(msgspec.Struct, frozen=True):
    """What is known of the monitor of a project.

    Attributes
    ----------
    keeper
        What was started with ``asimov start``: the keeper's name; None if nothing was.
    runs
        What that is, such as ``job 12``.
    alive
        Whether a monitor is at it now: a watch, or cron within three of its intervals.
    watch
        The process that watches, or None.
    looked
        When a pass was last made (ISO 8601, UTC); None if never.
    answered
        When one last had the schedulers' answers.
    problem
        Why the last one had none.
    warning
        What should worry the user, or None.
    took
        The seconds that this pass took; None if that is not known.
    """

    keeper: str | None
    runs: str | None
    alive: bool
    watch: str | None
    looked: str | None
    answered: str | None
    problem: str | None
    warning: str | None
    took: float | None = None
    _age: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            name: value for name, value in structs.asdict(self).items() if not name.startswith("_")
        }

    def line(self) -> str:
        """Return it as a line for people."""
        what = self.runs or (self.watch if self.alive else None)
        if what is None:
            state = "not running"
        elif self.alive:
            state = f"{what}, alive"
        else:
            state = f"{what}, not alive"
        if self.looked is None:
            return f"monitor: {state}; no pass yet"
        if self._age is None:
            return f"monitor: {state}; last pass at {self.looked}, by a clock that was ahead"
        # No pass in the minute after a recorded one is recorded.
        ago = "within the last minute" if self._age < _MINUTE else f"{clock.age(self._age)} ago"
        line = f"monitor: {state}; last pass {ago}"
        return f"{line}, which got no answer: {self.problem}" if self.problem else line


def record_pass(workspace: Workspace, problems: Sequence[str], took: float | None = None) -> None:
    """Record that a pass was made now, to within a minute: an idle pass writes nothing.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    problems
        Why schedulers did not answer; empty if they did.
    took
        The seconds that the pass took.
    """
    before = _last(workspace)
    now = clock.now()
    problem = problems[0] if problems else None
    if before and before.problem == problem and 0 <= now - before.at < _MINUTE:
        return
    answered: float | None = now
    if problem:
        answered = min(now, before.answered) if before and before.answered else None
    look = _Look(now, answered, problem)
    # Not synced to the disk: the next pass writes another.
    with workspace.journal.transaction():
        workspace.journal.write(
            "INSERT OR REPLACE INTO properties VALUES (?, ?)",
            (_PROPERTY, json.dumps(structs.asdict(look))),
        )
        if took is not None:
            workspace.journal.write(
                "INSERT OR REPLACE INTO properties VALUES (?, ?)", (_TOOK, f"{took:.3f}")
            )


def attendance(workspace: Workspace) -> Attendance:
    """Return what is known of the monitor of a project."""
    look, started = _last(workspace), kept(workspace)
    lease = holder(workspace.journal, WATCH)
    watches = lease is not None and not is_dead(lease)
    age = None if look is None or _is_ahead(look) else max(0.0, clock.now() - look.at)
    often = started.details.get("seconds") if started else None
    took = workspace.journal.get_property(_TOOK)
    alive = watches or bool(often and age is not None and age < _MISSED * often)
    return Attendance(
        started.keeper if started else None,
        started.what if started else None,
        alive,
        str(lease) if watches else None,
        clock.iso(look.at) if look else None,
        clock.iso(look.answered) if look and look.answered else None,
        look.problem if look else None,
        _warning(workspace, look),
        float(took) if took else None,
        age,
    )


def _warning(workspace: Workspace, look: _Look | None) -> str | None:
    """Say that the disk is full, or that nobody has looked for a day at what is left to look at."""
    if is_full(workspace.project.state):
        return (
            f"the disk of {workspace.project.state} is full: passes can't record anything, and "
            "change nothing until there is room"
        )
    waiting = [
        record.since
        for key, record in workspace.records.items()
        if key in workspace.contents.entries and _unfinished(record.status)
    ]
    if not waiting:
        return None
    advice = "'asimov start' keeps a monitor running, and 'asimov start --how' recommends a way"
    now = clock.now()
    if look and _is_ahead(look):
        return (
            f"the last pass is recorded at {clock.iso(look.at)}, in the future: the clock was "
            "ahead then, or is behind now; the next pass corrects that"
        )
    last = look.at if look else min(waiting)
    if now - last > _LONG:
        return f"no monitor has checked this project for {clock.age(now - last)}: {advice}"
    if look and look.problem and now - (look.answered or min(waiting)) > _LONG:
        since = clock.age(now - (look.answered or min(waiting)))
        return f"the monitor has had no answer for {since}: {look.problem}"
    return None


def _is_ahead(look: _Look) -> bool:
    return look.at > clock.now() + _AHEAD


def _unfinished(status: str) -> bool:
    state = STATES.get(status)
    return status in {"ready", "finished"} or status not in OWN or bool(state and state.active)


def _last(workspace: Workspace) -> _Look | None:
    text = workspace.journal.get_property(_PROPERTY)
    return _Look(**json.loads(text)) if text else None
