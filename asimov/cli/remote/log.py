"""``asimov --server URL log``: show the history of a served project."""

from __future__ import annotations

from typing import Any

import click

from asimov.cli import log as local
from asimov.cli.remote.connection import filters, service
from asimov.cli.remote.form import remote_form
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.output import show_json
from asimov.journal.records import Event
from asimov.server.client import Client
from asimov.server.client_connection import PATIENCE
from asimov.system.moment import moment
from asimov.system.readers import unread

#: How many events are asked for at once.
_AT_ONCE = 1000


@selection_options
def _log(selection: Selection, last: int | None, follow: bool, as_json: bool) -> None:
    if follow and as_json:
        raise click.UsageError("--follow and --json can't be combined")
    client = service()
    found, newest = _past(client, selection, last)
    if as_json:
        show_json([{name: each[name] for name in Event._fields} for each in found])
        return
    local.show_events(map(_event, found))
    if not found and not follow:
        local.say_nothing_happened(selection.since)
    if not follow:
        return
    client.patience = PATIENCE
    for _ in client.events(after=newest):
        if unread():
            return
        found, newest = _after(client, selection, newest)
        local.show_events(map(_event, found))


def _past(
    client: Client, selection: Selection, last: int | None
) -> tuple[list[dict[str, Any]], int]:
    if last is not None and last <= _AT_ONCE:
        return client.past_events(*selection.patterns, limit=last, **filters(selection))
    found, newest = _after(client, selection, 0)
    return found[-last:] if last else found, newest


def _after(client: Client, selection: Selection, after: int) -> tuple[list[dict[str, Any]], int]:
    """Return all events after one, and the number of the newest."""
    found: list[dict[str, Any]] = []
    while True:
        page, newest = client.past_events(
            *selection.patterns, after=after, limit=_AT_ONCE, **filters(selection)
        )
        found += page
        if len(page) < _AT_ONCE:
            return found, newest
        after = page[-1]["id"]


def _event(data: dict[str, Any]) -> Event:
    return Event(**{**{name: data[name] for name in Event._fields}, "time": moment(data["time"])})


command = remote_form(local.command, _log)
