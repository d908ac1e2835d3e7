"""What the live view asks about a project, and how it acts on one; without Textual."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from asimov.engine.attendance import attendance
from asimov.engine.changes.review import add_reviews as review
from asimov.engine.explain import explain
from asimov.engine.job_output.files import output_files
from asimov.engine.job_output.reading import last_lines
from asimov.engine.provenance.result_settings import result_settings
from asimov.engine.set_state import cancel, set_states
from asimov.engine.status import Row, rows, without_entry
from asimov.errors import AsimovError, ReportedError
from asimov.journal.keys import Key
from asimov.ledger import reviews
from asimov.ledger.documents import dump
from asimov.project.removed import ledger_warnings
from asimov.project.workspace import Workspace
from asimov.system import clock

#: The most events of an analysis to show.
_EVENTS = 500
#: The most lines of a job's output to show.
_LINES = 5000
#: After so many seconds all is looked at again, even if nothing seems to have changed.
_OLD = 20.0
#: The reason in the log for a change of state.
_REASON = "asked for in 'asimov top'"


@dataclass(frozen=True, slots=True)
class Overview:
    """A project at one moment.

    Attributes
    ----------
    rows
        Its analyses; None if nothing has changed since the last answer.
    monitor
        A line about its monitor.
    warnings
        What is wrong with its ledger or its monitor, a line each.
    """

    name: str
    rows: list[Row] | None
    monitor: str
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to: lines about what was done, and about what could not be."""

    done: list[str]
    refused: list[str]


class Reading:
    """Answers questions about a project that stays open, for reading only.

    Parameters
    ----------
    workspace
        The project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._seen: object = None
        self._looked = 0.0

    def overview(self) -> Overview:
        """Return the state of all analyses, if it has changed since the last answer."""
        workspace = self._workspace
        workspace.reload()
        seen = (workspace.journal.version(), workspace.contents)
        found = None
        # What is out of date, and the time left, change without a trace in ledger and journal.
        if seen != self._seen or time.monotonic() > self._looked + _OLD:
            self._seen, self._looked = seen, time.monotonic()
            found = rows(workspace, workspace.keys()) + without_entry(workspace)
        monitor = attendance(workspace)
        warnings = ledger_warnings(workspace)
        return Overview(
            workspace.project.name,
            found,
            monitor.line(),
            [*warnings, f"warning: {monitor.warning}"] if monitor.warning else warnings,
        )

    def why(self, key: Key) -> list[str]:
        """Explain the state of an analysis; see `asimov.engine.explain`."""
        self._workspace.catch_up()
        found = explain(self._workspace, key)
        since = f" since {found.since}" if found.since else ""
        reason = f": {found.reason}" if found.reason else ""
        lines = [f"most likely fix: {found.fix}"] if found.fix else []
        lines.append(f"{key} is {found.status}{since}{reason}")
        why = found.sections
        sections = {"why": why.pop("why"), f"the end of {found.log}": found.log_end, **why}
        for heading, each in sections.items():
            if each:
                lines += [f"{heading}:", *(f"  {line}" for line in each)]
        return lines

    def events(self, key: Key) -> list[str]:
        """Return the last events of an analysis, oldest first."""
        self._workspace.catch_up()
        lines = []
        for event in self._workspace.journal.events(*key, _EVENTS):
            what = (
                event.kind if event.after is None else f"{event.before or 'new'} -> {event.after}"
            )
            reason = f": {event.reason}" if event.reason else ""
            lines.append(f"{clock.iso(event.time)}  {what}  [{event.actor}]{reason}")
            lines += [f"    {line}" for line in (event.details or "").splitlines()]
        return lines or ["Nothing has happened yet"]

    def output(self, key: Key, number: int) -> list[str]:
        """Return the end of one of the files that an analysis's job writes.

        Parameters
        ----------
        key
            The analysis.
        number
            Which of its files, counted from 0; beyond the last, the first follows again.
        """
        self._workspace.catch_up()
        files = output_files(self._workspace, key)
        files.sort(key=attrgetter("reading_order"))
        if not files:
            return ["Its job has not written any output yet"]
        number %= len(files)
        file = files[number]
        node = f"node {file.node}, " if file.node else ""
        head = self._workspace.project.stored(file.path)
        head = f"{head} ({node}{number + 1} of {len(files)}):"
        return [head, *last_lines(file.path, _LINES)]

    def settings(self, key: Key) -> list[str]:
        """Return the settings of an analysis's result, marked where they are others now.

        Without a result they are those that it would run with.
        """
        self._workspace.catch_up()
        result = result_settings(self._workspace, key)
        if result is not None:
            return result.lines
        return dump(self._workspace.effective(key)).rstrip().splitlines()


def change_states(root: Path, keys: Sequence[Key], status: str) -> Outcome:
    """Set analyses to a state, as ``asimov production set`` and ``asimov cancel`` do.

    Parameters
    ----------
    root
        The project's folder.
    keys
        The analyses.
    status
        The state.
    """
    workspace = Workspace.open(root)
    if status == "cancelled":
        changes = cancel(workspace, keys, _REASON, lambda line: None)
    else:
        changes = set_states(workspace, keys, status, _REASON)
    done, refused = [], []
    for key, change in changes.items():
        if isinstance(change, AsimovError):
            refused.append(one_line(change))
        else:
            pending = f"; {change.pending}" if change.pending else ""
            done.append(f"{key}: {change.before} -> {workspace.status(key)}{pending}")
    return Outcome(done, refused)


def add_reviews(root: Path, keys: Sequence[Key], status: str, message: str) -> Outcome:
    """Review analyses, as ``asimov review add`` does.

    Parameters
    ----------
    root
        The project's folder.
    keys
        The analyses.
    status
        One of `asimov.ledger.reviews.STATUSES`.
    message
        A comment; it may be empty.
    """
    outcome = reviews.named(status)
    workspace = Workspace.open(root)
    review(workspace, keys, message or None, outcome, "asimov top")
    return Outcome([f"{key}: {outcome}" for key in keys], [])


def one_line(error: ReportedError) -> str:
    """Return an error and its hint as one line."""
    return f"{error} ({error.hint})" if error.hint else str(error)
