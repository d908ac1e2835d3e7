"""Act on event logs between two monitor passes, without asking the scheduler.

A schedd that many people share is asked at most once a minute. Event logs cost it nothing, and an
event is in them a moment after it has happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from asimov.discovery.entrypoints import PluginError
from asimov.engine.attempts import ticket
from asimov.engine.lease import at_work
from asimov.engine.monitor import Pass, advance
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, Observation, Ticket

#: Seconds between two looks at the event logs.
LOOK = 2.0


@dataclass
class LogWatch:
    """Reads the event logs of open jobs, and moves analyses on when there is something new.

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
    #: News that was not acted on yet, because another command was at work.
    _news: dict[str, Observation] = field(default_factory=dict)
    _version: object = None

    def forget(self) -> None:
        """List the open jobs again next time: a pass was made, and has seen later states."""
        self._tickets = None
        self._news = {uid: each for uid, each in self._news.items() if isinstance(each, Gone)}

    def look(self) -> Pass | None:
        """Act on news in event logs, and on what other commands have changed.

        Returns
        -------
        Pass or None
            None if there was nothing new.

        Raises
        ------
        AsimovError
            If another command is at work. The news is kept for the next look.
        """
        version = self.workspace.journal.version()
        changed = version != self._version
        if changed or self._tickets is None:
            self._tickets = self._open_tickets()
        for (name, place), tickets in self._tickets.items():
            try:
                scheduler = self.workspace.scheduler(name, place)
            except PluginError:
                continue  # the next pass reports it
            self._news.update(scheduler.news(tickets))
        if not (self._news or changed):
            return None
        with at_work(self.workspace, "asimov monitor"):
            result = advance(
                self.workspace,
                self.report,
                self._news,
                keys=self.workspace.keys(self.subject),
                chain=self.chain,
                from_logs=True,
            )
        self._news = {}
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
