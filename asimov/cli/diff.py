"""``asimov diff``: compare analyses, attempts, crates, or an analysis with the ledger."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click
import msgspec

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json
from asimov.engine.provenance.comparison import (
    Side,
    compared,
    of_attempt,
    of_crate,
    of_ledger,
    outcome,
)
from asimov.engine.provenance.crates.reading import is_crate, open_crate
from asimov.engine.provenance.lookup import attempt_named
from asimov.project.workspace import Workspace


@click.command("diff")
@click.argument("before", metavar="SUBJECT/NAME[@N]|CRATE")
@click.argument("after", metavar="[SUBJECT/NAME[@N]|CRATE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(before: str, after: str | None, as_json: bool) -> None:
    """Compare what two analyses ran with and made.

    @N stands for an analysis's attempt number N; without it, its last attempt. Given one analysis,
    this compares its last attempt's settings with what the ledger says now, and the files that
    matched patterns among its inputs with those that match now. A crate that 'asimov
    package' made is compared with an analysis, by default the one of the same name, and the last
    line says whether the products are the same.

    \b
    Example:
      asimov diff sunspots/detrend@1 sunspots/detrend@2
      asimov diff detrend.zip sunspots/detrend
    """
    workspace = open_workspace(Use.READ, files=True)
    read = is_crate(before) or is_crate(after or "")
    if after is None and not read:
        one, other = of_ledger(workspace, *attempt_named(workspace, before))
    else:
        one = _side(workspace, before, read=read)
        after = after or one.title.rpartition(": ")[2].rpartition("@")[0]
        other = _side(workspace, after, read=read)
    found = compared(one, other)
    verdict = outcome(one, other) if read else None
    if as_json:
        document = {
            "before": one.title,
            "after": other.title,
            "differences": [msgspec.to_builtins(each, enc_hook=str) for each in found],
        }
        show_json({**document, "outcome": verdict} if verdict else document)
        return
    if not found:
        say(f"{one.title} and {other.title}: no difference in {_and(one, other)}")
    else:
        say(f"{one.title} -> {other.title}")
    for what, differences in groupby(found, key=lambda each: each.what):
        say(f"{what}:")
        for each in differences:
            say(f"  {each}")
    if verdict:
        say(verdict)


def _side(workspace: Workspace, name: str, *, read: bool) -> Side:
    if is_crate(name):
        with open_crate(Path(name)) as crate:
            return of_crate(workspace, crate)
    return of_attempt(workspace, *attempt_named(workspace, name), read=read)


def _and(one: Side, other: Side) -> str:
    names = [each for each in one.parts if each in other.parts]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
