"""``asimov provenance``: tell what made a result, as text, W3C PROV-JSON or a graph."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show
from asimov.engine.provenance.crates.reading import is_crate, open_crate
from asimov.engine.provenance.export.dot import dot
from asimov.engine.provenance.export.history import history
from asimov.engine.provenance.export.outline import outline
from asimov.engine.provenance.export.prov_json import prov_json
from asimov.engine.provenance.export.runs import Run, of_file
from asimov.engine.provenance.lookup import attempt_named
from asimov.errors import AsimovError
from asimov.system.files import write_new
from asimov.system.json_text import as_json
from asimov.text import quoted


@click.command("provenance")
@click.argument("name", metavar="[SUBJECT/NAME[@N]]", required=False)
@click.argument("second", metavar="", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "prov-json", "dot"]),
    default="text",
    show_default=True,
    help="Text, W3C PROV-JSON, or a Graphviz graph.",
)
@click.option(
    "--depth", type=click.IntRange(min=0), help="How many steps upstream; all by default."
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="Read an asimov-provenance.json file or a crate, without any project.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of the terminal.",
)
def command(
    name: str | None,
    second: str | None,
    form: str,
    depth: int | None,
    path: Path | None,
    output: Path | None,
) -> None:
    """Show how a result was made: settings, files, software, people, upstream.

    @N stands for an analysis's attempt number N; without it, its last attempt.

    \b
    Example:
      asimov provenance sunspots/detrend
      asimov provenance sunspots/detrend@1 --format prov-json > detrend.json
      asimov provenance --file results/sunspots/detrend/asimov-provenance.json
    """
    if (name is None) == (path is None):
        raise click.UsageError("name an analysis, or a file with --file")
    if output is not None and str(output) == ".":
        raise click.UsageError("name the file to write: -o FILE")
    if path is not None:
        runs = [_alone(path)]
    else:
        workspace = open_workspace(Use.READ, files=True)
        named = "/".join(filter(None, (name, second)))
        if is_crate(named) or named.endswith(".json"):
            raise AsimovError(
                f"{quoted(named)} is not the name of an analysis", hint=_of_file(named)
            )
        runs = history(workspace, *attempt_named(workspace, named), depth)
    if form == "prov-json":
        written = as_json(prov_json(runs))
    else:
        written = dot(runs) if form == "dot" else "\n".join(outline(runs))
    if output is None:
        show(written)
    else:
        write_new(output, f"{written}\n")
        say(f"Wrote {output}")


def _of_file(name: str) -> str:
    return f"of a file: 'asimov provenance --file {quote(name)}'"


def _alone(path: Path) -> Run:
    """Return the attempt that a file or a crate tells of."""
    if is_crate(str(path)):
        with open_crate(path) as crate:
            return crate.run()
    return of_file(path)
