"""``asimov --server URL cancel``: have a service cancel analyses and stop their jobs."""

from __future__ import annotations

from asimov.cli import cancel as local
from asimov.cli.production import tell
from asimov.cli.remote.changes import changes_of
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_form
from asimov.cli.remote.selected import selected_rows
from asimov.cli.selection import Selection, confirm, counted, selection_options
from asimov.cli.terminal.output import say
from asimov.engine.status import Row


@selection_options
def _cancel(selection: Selection, reason: str | None, yes: bool) -> None:
    selection.require()
    client = service()
    chosen = selected_rows(client, selection)
    rows = [row for row in chosen if local.can_be(row.status)]
    requests = {f"{each['subject']}/{each['name']}": each for each in client.requests()}
    waiting = [row for row in chosen if row not in rows and _name(row) in requests]
    if left := len(chosen) - len(rows) - len(waiting):
        say(f"{left} already finished or cancelled: left alone")
    if not rows and not waiting:
        return
    restarts = [row for row in rows if requests.get(_name(row), {}).get("before")]
    ended = [row for row in rows if row not in restarts]
    listed = [local.described(_name(row), row.status, row.job_id, row.job_state) for row in ended]
    listed += [
        f"{name}: {requests[name]['said']}; it stays {requests[name]['before']}"
        for name in map(_name, restarts)
    ]
    listed += [f"{_name(row)} ({row.status}): {requests[_name(row)]['said']}" for row in waiting]
    what = [f"cancel {counted(ended)}"] if ended else []
    what += ["withdraw these requests"] if restarts or waiting else []
    confirm(listed, yes, " and ".join(what))
    if waiting:
        for each in client.act("withdraw", [_name(row) for row in waiting], reason=reason):
            if each.get("withdrawn"):
                say(f"{each['analysis']}: no longer runs again if its inputs change")
    if rows:
        outcomes = client.act("cancel", [_name(row) for row in rows], reason=reason)
        if refused := tell(changes_of(outcomes)):
            raise refused


def _name(row: Row) -> str:
    return f"{row.subject}/{row.name}"


command = remote_form(local.command, _cancel)
