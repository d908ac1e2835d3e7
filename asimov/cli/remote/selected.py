"""Ask a service for the analyses that a command's patterns and filters select."""

from __future__ import annotations

from asimov.cli.remote.connection import filters, understood
from asimov.cli.selection import Selection
from asimov.engine.status import Row
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.server.client import Client


def selected_rows(client: Client, selection: Selection) -> list[Row]:
    """Return the analyses that are selected.

    Raises
    ------
    AsimovError
        If there are none.
    """
    found = list(client.analyses(*selection.patterns, **filters(selection)))
    if not found:
        raise AsimovError(
            "no analysis matches these filters",
            hint="'asimov status' lists all analyses",
        )
    # Those that the ledger lacks are listed too, but nothing can be done to them.
    return [row for row in understood(found, list[Row]) if row.pipeline]


def selected_keys(client: Client, selection: Selection) -> list[Key]:
    """Return the names of the analyses that are selected; see `selected_rows`."""
    return [Key(row.subject, row.name) for row in selected_rows(client, selection)]
