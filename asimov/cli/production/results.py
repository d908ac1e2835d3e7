"""``asimov production results``: the stored results of one analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show, show_json
from asimov.engine.plain_data.files import stored_data
from asimov.journal.keys import Key
from asimov.project.storage.listing import files


@click.command("results")
@analysis_argument()
@click.option("--file", "file", metavar="NAME", help="Print the path of this file, once verified.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def results_command(subject: str, name: str, file: str | None, as_json: bool) -> None:
    """List the stored results of an analysis, or locate one of them.

    \b
    Example:
      asimov production results sunspots/detrend
      asimov production results sunspots/detrend --file trend.csv
    """
    workspace = open_workspace(Use.READ, files=True)
    key = workspace.key(subject, name)
    store = workspace.store
    if file is not None:
        show(str(store.fetch_file(*key, file)))
        return
    found = [stored_data(each) for each in files(store, [key])]
    show_results(key, found, workspace.status(key), as_json=as_json)


def show_results(
    key: Key, found: Sequence[Mapping[str, Any]], status: str, *, as_json: bool
) -> None:
    """Print the stored files of an analysis in a state; `found` is as of `stored_data`."""
    if as_json:
        show_json(found)
    elif not found:
        say(f"{key} has no stored results; it is {status}", status)
    else:
        rows = [[e["file"], str(e.get("size", "")), e.get("sha256", "")] for e in found]
        table.show(("file", "bytes", "sha256"), rows)
