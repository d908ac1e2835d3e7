"""Watching: between two passes, what event logs tell is acted on at once.

A schedd that many people share is asked at most once a minute. Event logs cost it nothing, and an
event is in them a moment after it has happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from asimov.engine.attempts import ticket
from asimov.engine.lease import at_work
from asimov.engine.monitor import Pass, advance
from asimov.entrypoints import PluginError
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, Observation, Ticket

#: Seconds between two looks at the event logs.
LOOK = 2.0


@dataclass
class Watch:
    """A look at event logs, as often as one likes.

    Parameters
    ----------
    workspace
        The open project.
    report
        Takes a line for each thing that happened.
    subject
        The only subject to look at; by default all are.
    chain
        Whether to build and submit what has become ready.
    """

    workspace: Workspace
    report: Callable[[str], None]
    subject: str | None = None
    chain: bool = False
    _tickets: dict[tuple[str, str], list[Ticket]] | None = None
    #: What was told and not acted on yet, since another command was at work.
    _told: dict[str, Observation] = field(default_factory=dict)
    _version: object = None

    def forget(self) -> None:
        """Find out anew which jobs there are: a pass has been made, and has seen later states."""
        self._tickets = None
        self._told = {uid: each for uid, each in self._told.items() if isinstance(each, Gone)}

    def look(self) -> Pass | None:
        """Act on what is new in event logs, and on what other commands have changed.

        Returns
        -------
        Pass or None
            None where there was nothing new.

        Raises
        ------
        AsimovError
            Where another command is at work. What was told is acted on in the next look.
        """
        version = self.workspace.journal.version()
        changed = version != self._version
        if changed or self._tickets is None:
            self._tickets = self._open_tickets()
        for (name, place), tickets in self._tickets.items():
            try:
                scheduler = self.workspace.scheduler(name, place)
            except PluginError:
                continue  # the next pass says so
            self._told.update(scheduler.news(tickets))
        if not (self._told or changed):
            return None
        with at_work(self.workspace, "asimov monitor"):
            result = advance(
                self.workspace,
                self.report,
                self._told,
                subject=self.subject,
                chain=self.chain,
                from_logs=True,
            )
        self._told = {}
        self._tickets = None
        self._version = version
        return result

    def _open_tickets(self) -> dict[tuple[str, str], list[Ticket]]:
        found: dict[tuple[str, str], list[Ticket]] = {}
        for attempt in self.workspace.journal.open_attempts():
            if attempt.state == "submitted":
                tickets = found.setdefault((attempt.scheduler, attempt.place), [])
                tickets.append(ticket(self.workspace.project, attempt))
        return found
