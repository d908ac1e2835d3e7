"""``asimov vocabulary``: the names that blueprints may use, and a check of blueprints."""

from __future__ import annotations

import re
import sys

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.output import say, show, show_json, warn
from asimov.engine.apply import apply
from asimov.errors import EXIT_ERROR, AsimovError
from asimov.ledger import blueprints
from asimov.ledger.documents import dump
from asimov.plugins.terms import Term, terms
from asimov.text import did_you_mean

_NO_PLUGINS = click.option(
    "--no-plugins", is_flag=True, help="Leave out the settings of pipelines."
)


@click.group("vocabulary")
def command() -> None:
    """List or explain the names that blueprints may use, or check blueprints.

    \b
    Example:
      asimov vocabulary show needs
    """


@command.command("list")
@_NO_PLUGINS
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def list_command(no_plugins: bool, as_json: bool) -> None:
    """List the keys of subjects and analyses, and the settings that pipelines declare.

    Other names are allowed too: settings are free where nothing declares them.

    \b
    Example:
      asimov vocabulary list --no-plugins
    """
    found = terms(warn, plugins=not no_plugins)
    if as_json:
        show_json([each._asdict() for each in found])
        return
    table.show(("name", "of", "type", "default"), [each[:4] for each in found])


@command.command("show")
@click.argument("name", metavar="NAME")
@_NO_PLUGINS
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def show_command(name: str, no_plugins: bool, as_json: bool) -> None:
    """Explain a name, such as needs; write one in a mapping as 'outer: inner' or outer.inner.

    \b
    Example:
      asimov vocabulary show needs
    """
    every = terms(warn, plugins=not no_plugins)
    found = [each for each in every if _plain(each.name) == _plain(name)]
    if not found:
        raise AsimovError(
            f"nothing declares {name!r}{did_you_mean(name, [each.name for each in every])}",
            hint="'asimov vocabulary list' lists every name; others are settings of your own",
        )
    if as_json:
        show_json([each._asdict() for each in found])
        return
    for each in found:
        say(_line(each))
        if each.description:
            say(f"  {' '.join(each.description.split())}")


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--strict", is_flag=True, help="Exit with 1 if there are any notes.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def check_command(files: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Check blueprints against the ledger and what pipelines declare; nothing is written.

    It does what 'asimov apply --update --dry-run' does, without the plan.

    \b
    Example:
      asimov vocabulary check analyses.yaml --strict
    """
    workspace = open_workspace(Use.READ, whole=True)
    documents = blueprints.read(list(files))
    notes = apply(workspace, documents, update=True, dry_run=True).notes
    if as_json:
        show_json({"documents": len(documents), "notes": notes})
    else:
        for note in notes:
            say(f"note: {note}")
        say(f"Documents: {len(documents)}. Notes: {len(notes)}")
    if notes and strict:
        sys.exit(EXIT_ERROR)


@command.command("export")
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
@_NO_PLUGINS
def export_command(form: str, no_plugins: bool) -> None:
    """Print every name with its type, default and description.

    'asimov ledger schema' prints the same as a JSON Schema, for editors.

    \b
    Example:
      asimov vocabulary export --format json
    """
    found = {"terms": [each._asdict() for each in terms(warn, plugins=not no_plugins)]}
    if form == "json":
        show_json(found)
    else:
        show(dump(found).rstrip("\n"))


def _plain(name: str) -> str:
    """Return a name with one spelling of the steps of its path."""
    return re.sub(r"\s*[.:/]\s*", ": ", name.strip()).replace("_", " ").lower()


def _line(term: Term) -> str:
    default = f"; {term.default}" if term.default == "required" else ""
    if term.default and not default:
        default = f"; by default {term.default}"
    return f"{term.name} ({term.of}): {term.type or 'anything'}{default}"
