"""``asimov --server URL status``: list the states of analyses in a served project."""

from __future__ import annotations

import time

from asimov.cli import status as local
from asimov.cli.remote.connection import filters, service, understood
from asimov.cli.remote.form import remote_form
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal import status_table
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.status import Row
from asimov.journal.keys import Key
from asimov.scheduler import Usage
from asimov.server.client import Client
from asimov.server.client_connection import PATIENCE
from asimov.system.readers import unread

#: Seconds between two looks of ``--watch``.
_LOOK = 2.0


@selection_options
def _status(
    selection: Selection, as_json: bool, watch: bool, monitor: bool, with_usage: bool
) -> None:
    local.check(as_json, watch, with_usage)
    client = service()
    if monitor:
        _monitor(client, as_json=as_json)
        return
    if with_usage:
        _usage(client, selection, as_json=as_json)
        return
    found = _rows(client, selection)
    if as_json:
        show_json([row.as_json() for row in found])
        _warn(client.monitor())
        return
    if not found:
        local.say_none(selection)
        return
    status_table.show(found)
    if not watch:
        _monitor(client)
    client.patience = PATIENCE
    while watch and not unread():
        time.sleep(_LOOK)
        say()
        status_table.show(_rows(client, selection))


def _rows(client: Client, selection: Selection) -> list[Row]:
    return understood(list(client.analyses(*selection.patterns, **filters(selection))), list[Row])


def _monitor(client: Client, *, as_json: bool = False) -> None:
    found = client.monitor()
    line = found.pop("line")
    if as_json:
        del found["notifications"]
        show_json(found)
        return
    say(line)
    _warn(found)


def _warn(monitor: dict[str, object]) -> None:
    warnings = [monitor["warning"], *understood(monitor["notifications"], list[str])]
    for each in warnings:
        if each:
            warn(f"warning: {each}")


def _usage(client: Client, selection: Selection, *, as_json: bool) -> None:
    found = client.usage(*selection.patterns, **filters(selection))
    if as_json:
        show_json(found)
        return
    local.show_usage(
        {Key(each["subject"], each["name"]): understood(each, Usage) for each in found}
    )


command = remote_form(local.command, _status)
