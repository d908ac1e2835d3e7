"""``asimov report``: print the state of analyses, write HTML pages, show the graph."""

from __future__ import annotations

from pathlib import Path

import click

from asimov import logs
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show, show_json
from asimov.engine.graph import graph
from asimov.engine.status import Row, rows
from asimov.report import graph_formats
from asimov.text import counted


@click.group("report")
def command() -> None:
    """Report on the project.

    \b
    Example:
      asimov report status
      asimov report html
    """


@command.command("status")
@click.argument("subject", required=False)
def status_command(subject: str | None) -> None:
    """Print a line for each analysis: its name, pipeline and state, under its subject.

    A subject without analyses is listed too.

    \b
    Example:
      asimov report status sunspots
    """
    workspace = open_workspace(Use.READ)
    listed = rows(workspace, workspace.keys(subject))
    by_subject: dict[str, list[Row]] = {}
    for name in workspace.contents.subjects if subject is None else [subject]:
        by_subject[name] = []
    for row in listed:
        by_subject.setdefault(row.subject, []).append(row)
    for name, analyses in by_subject.items():
        say(name if analyses else f"{name}  (no analyses)")
        for row in analyses:
            detail = f"  ({'; '.join(row.waiting_for)})" if row.waiting_for else ""
            say(f"  {row.name} {row.pipeline} {row.status}{detail}", row.status)


@command.command("ledger")
@click.argument("subject", required=False)
@click.option(
    "--yaml",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file.",
)
def ledger_command(subject: str | None, file: Path | None) -> None:
    """Print subjects and their analyses as YAML, in the layout of asimov 0.8, with their states.

    'asimov ledger show' prints effective settings, and 'asimov ledger export' the whole ledger.

    \b
    Example:
      asimov report ledger sunspots
    """
    from asimov.cli.ledger.moving import exported
    from asimov.ledger.documents import dump
    from asimov.system.files import write_new

    workspace = open_workspace(Use.READ)
    workspace.keys(subject)  # raises for an unknown subject
    events = exported(workspace)["events"]
    text = dump([each for each in events if subject in (None, each["name"])])
    if file is None:
        show(text.rstrip("\n"))
        return
    write_new(file, text)
    say(f"Wrote {subject or counted(len(events), 'subject')} to {file}")


@command.command("html")
@click.argument("subject", required=False)
@click.option(
    "--location",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write to this folder instead of the project's web folder.",
)
def html_command(subject: str | None, location: Path | None) -> None:
    """Write HTML pages about all analyses; with SUBJECT, update only its page and the index.

    The pages go to the folder 'pages' (general/webroot). They are plain files, and need neither a
    server nor a network.

    \b
    Example:
      asimov report html
    """
    from asimov.report import pages

    workspace = open_workspace(Use.READ)
    logs.write_to(workspace.project.logs)  # pipelines are called, and may print
    config = workspace.project.config
    folder = location or workspace.project.path(config.get("general", "webroot"))
    written = pages.write(workspace, folder.absolute(), subject)
    say(f"Wrote {counted(len(written), 'page')}; start at {written[0]}")


@command.command("graph")
@click.argument("subject", required=False)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "dot", "json"]),
    default="text",
    show_default=True,
    help="Text, a Graphviz drawing, or JSON data.",
)
def graph_command(subject: str | None, form: str) -> None:
    """Show which analyses need which, their states, and the products that they use.

    \b
    Example:
      asimov report graph sunspots
      asimov report graph --format dot | dot -Tsvg > analyses.svg
    """
    workspace = open_workspace(Use.READ)
    found = graph(workspace, subject)
    if form == "json":
        show_json(graph_formats.as_data(found))
        return
    for line in graph_formats.as_text(found) if form == "text" else graph_formats.as_dot(found):
        say(line)
    if form == "text" and not found.nodes:
        say("No analyses yet; 'asimov apply -f FILE' adds some")
