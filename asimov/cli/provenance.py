"""``asimov provenance``: tell what made a result, as text, W3C PROV-JSON or a graph."""

from __future__ import annotations

from pathlib import Path

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show, show_json
from asimov.engine.provenance.export.dot import dot
from asimov.engine.provenance.export.outline import outline
from asimov.engine.provenance.export.prov_json import prov_json
from asimov.engine.provenance.export.runs import history, of_file
from asimov.engine.provenance.lookup import attempt_named


@click.command("provenance")
@click.argument("name", metavar="[SUBJECT/NAME[@N]]", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "prov-json", "dot"]),
    default="text",
    show_default=True,
    help="text, W3C PROV-JSON, or a graph in the language of Graphviz.",
)
@click.option(
    "--depth", type=click.IntRange(min=0), help="How many steps upstream; all by default."
)
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read a file asimov-provenance.json instead, without any project.",
)
def command(name: str | None, form: str, depth: int | None, path: Path | None) -> None:
    """Tell what made a result: settings, files, software, people, upstream.

    @N stands for an analysis's attempt number N; without it, its last attempt.

    \b
    Example:
      asimov provenance sunspots/detrend
      asimov provenance sunspots/detrend@1 --format prov-json > detrend.json
      asimov provenance --file results/sunspots/detrend/asimov-provenance.json
    """
    if (name is None) == (path is None):
        raise click.UsageError("name an analysis, or a file with --file")
    if path is not None:
        runs = [of_file(path)]
    else:
        assert name is not None
        workspace = open_workspace(Use.READ)
        runs = history(workspace, *attempt_named(workspace, name), depth)
    if form == "prov-json":
        show_json(prov_json(runs))
    elif form == "dot":
        show(dot(runs))
    else:
        for line in outline(runs):
            say(line)
