"""``asimov --server URL production``: show an analysis or its results, or set its state."""

from __future__ import annotations

from asimov.cli import production as local
from asimov.cli.production import results
from asimov.cli.remote.changes import changes_of
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_group
from asimov.cli.remote.selected import selected_keys
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import show_json, warn
from asimov.errors import AsimovError
from asimov.journal.keys import Key

#: What the service says besides what the command does.
_BESIDES = ("settings_from", "settings_lines", "warning")


@selection_options
def _set(selection: Selection, status: str, reason: str | None, lost: bool, yes: bool) -> None:
    selection.require()
    client = service()
    keys = selected_keys(client, selection)
    names = [str(key) for key in keys]
    if selection.filtered or not selection.names(keys):
        planned = client.act("set", names, status=status, lost=lost, dry_run=True)
        local.confirm_changes(changes_of(planned), status, yes)
    outcomes = client.act("set", names, status=status, reason=reason, lost=lost)
    if refused := local.tell(changes_of(outcomes)):
        raise refused


@analysis_argument()
def _show(subject: str, name: str, as_json: bool) -> None:
    found = service().analysis(subject, name)
    if found["warning"]:
        warn(f"warning: {found['warning']}")
    shown = {key: value for key, value in found.items() if key not in _BESIDES}
    if as_json:
        show_json(shown)
    else:
        local.show_analysis(shown, found["settings_lines"])


@analysis_argument()
def _results(subject: str, name: str, file: str | None, as_json: bool) -> None:
    if file is not None:
        raise AsimovError(
            "--file can't be combined with --server: it prints the path of a file on this machine",
            hint="in Python, asimov.client.Client.save_result downloads a result",
        )
    client = service()
    found = client.results(subject, name)
    status = "" if found else client.why(subject, name)["status"]
    results.show_results(Key(subject, name), found, status, as_json=as_json)


command = remote_group(local.command, {"show": _show, "set": _set, "results": _results})
