"""``asimov --server URL event show``: show a subject of a served project."""

from __future__ import annotations

from asimov.cli import event as local
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_group
from asimov.cli.terminal.output import show, show_json
from asimov.ledger.documents import dump
from asimov.text import line


def _show(name: str | None, as_json: bool) -> None:
    client = service()
    if name is None:
        names = [each["name"] for each in client.subjects()]
        if as_json:
            show_json(names)
        else:
            show("\n".join(map(line, names)))
        return
    shown = client.subject(name)
    if as_json:
        show_json(shown)
    else:
        show(dump(shown).rstrip())


command = remote_group(local.command, {"show": _show})
