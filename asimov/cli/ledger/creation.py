"""``asimov event create`` and ``production create``: add a subject or analysis without a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import click

from asimov.cli.ledger.removal import reason_option
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, warn
from asimov.engine.apply import apply
from asimov.errors import AsimovError, Place
from asimov.ledger.documents import dump, read_documents
from asimov.plugins.ledger_blueprints import blueprints
from asimov.project.workspace import Workspace
from asimov.text import quoted

#: What the command's own words say.
_GIVEN = {"kind", "name", "subject", "event", "pipeline", "analyses", "productions"}

_force = click.option("--force", is_flag=True, help="Accept names that look misspelt.")
_setting = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting: a dotted path and a YAML value; may be repeated.",
)


@click.command("create")
@click.argument("name", required=False)
@click.option("-n", "--name", "named", metavar="NAME", help="Its name, as in asimov 0.8.")
@click.option("--repository", help="Its own git repository: a folder or an address.")
@_setting
@_force
@reason_option
def create_event_command(
    name: str | None,
    named: str | None,
    repository: str | None,
    settings: tuple[str, ...],
    **how: Any,
) -> None:
    """Add the subject NAME to the ledger; 'asimov apply' adds those of a file.

    \b
    Example:
      asimov event create sunspots --set telescope=Kodaikanal
    """
    if (name is None) == (named is None):
        raise click.UsageError("give exactly one name")
    document = {"kind": "subject", "name": name or named, "repository": repository}
    _add(open_workspace(Use.ACT), document, settings, "asimov event create", **how)


@click.command("create")
@click.argument("subject")
@click.argument("pipeline")
@click.argument("name", required=False)
@click.option(
    "--family", default="Prod", show_default=True, help="Without NAME: FAMILY and a number."
)
@click.option("--needs", multiple=True, metavar="NAME", help="An analysis that it needs.")
@click.option("--status", help="Its initial state.")
@click.option("--template", help="The template of its configuration.")
@click.option("--comment", help="A comment.")
@_setting
@_force
@reason_option
def create_production_command(
    subject: str,
    pipeline: str,
    name: str | None,
    family: str,
    needs: tuple[str, ...],
    settings: tuple[str, ...],
    reason: str | None,
    force: bool,
    **given: str | None,
) -> None:
    """Add an analysis with PIPELINE to SUBJECT; 'asimov apply' adds those of a file.

    Without NAME, it is FAMILY with the next free number: Prod0, Prod1.

    \b
    Example:
      asimov production create sunspots command detrend --set executable=/bin/true
    """
    workspace = open_workspace(Use.ACT)
    names = [key.name for key in workspace.keys(subject)]
    document: dict[str, Any] = {"kind": "analysis", "subject": subject}
    document |= {"name": name or _next(names, family), "pipeline": pipeline}
    document |= {"needs": list(needs) or None, **given}
    command = "asimov production create"
    _add(workspace, document, settings, command, reason=reason, force=force)


def _next(names: Iterable[str], family: str) -> str:
    numbers = [re.fullmatch(rf"{re.escape(family)}(\d+)", name) for name in names]
    return f"{family}{max((int(found[1]) for found in numbers if found), default=-1) + 1}"


def _add(
    workspace: Workspace,
    document: Mapping[str, Any],
    settings: Iterable[str],
    command: str,
    *,
    reason: str | None,
    force: bool,
) -> None:
    """Apply one document that must add something."""
    made = {key: value for key, value in document.items() if value is not None}
    for each in settings:
        if each.partition("=")[0].partition(".")[0] in _GIVEN:
            raise click.UsageError(f"{quoted(each)}: --set can't change what is created, or where")
        _put(made, each)
    try:
        page = blueprints([made], command)
        plan = apply(workspace, page, command=command, reason=reason, force=force)
    except AsimovError as error:
        if isinstance(error.where, Place):  # of a document that nobody has written
            error.where = None
        raise
    for note in plan.notes:
        warn(f"note: {note}")
    if not plan.count("add"):
        raise AsimovError(f"{made['name']} is already in the ledger")
    for line in plan.summary(would=False):
        say(line)


def _put(document: dict[str, Any], setting: str) -> None:
    """Put a setting such as ``prior.mass=3`` into a document."""
    path, equals, value = setting.partition("=")
    steps = path.split(".")
    if not equals or not all(steps):
        raise click.UsageError(f"{quoted(setting)} is not KEY=VALUE")
    read = read_documents(value, f"--set {path}")
    inner = document
    for step in steps[:-1]:
        inner = inner.setdefault(step, {})
        if not isinstance(inner, dict):
            raise click.UsageError(f"{quoted(setting)}: {step} is not a mapping")
    inner[steps[-1]] = read[0].data if read else None
    dump(document)  # what can't be written is refused here
