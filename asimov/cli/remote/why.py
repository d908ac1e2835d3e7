"""``asimov --server URL why``: ask a service to explain the state of analyses."""

from __future__ import annotations

from dataclasses import replace

from asimov.cli import why as local
from asimov.cli.remote import COMMANDS
from asimov.cli.remote.connection import service, understood
from asimov.cli.remote.form import pasted, remote_form
from asimov.cli.remote.selected import selected_keys
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.output import show_json
from asimov.engine.explain import Explanation


@selection_options
def _why(selection: Selection, as_json: bool) -> None:
    selection.require()
    client = service()
    keys = selected_keys(client, selection)
    found = [client.why(*key) for key in keys]
    if as_json:
        show_json(found[0] if selection.names(keys) else found)
        return
    local.show_explanations(map(_from_here, understood(found, list[Explanation])))


def _from_here(found: Explanation) -> Explanation:
    """Return an explanation whose advice can be pasted here."""

    def lines(given: list[str]) -> list[str]:
        return [pasted(line, COMMANDS) for line in given]

    return replace(
        found,
        fix=None if found.fix is None else pasted(found.fix, COMMANDS),
        because=lines(found.because),
        outdated=lines(found.outdated),
        moves=lines(found.moves),
    )


command = remote_form(local.command, _why)
