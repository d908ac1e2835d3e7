"""``asimov apply``."""

from __future__ import annotations

import click

from asimov import plugins
from asimov.cli.opened import open_workspace
from asimov.ledger import blueprints
from asimov.ledger.plan import Plan, Planner
from asimov.ledger.writing import write


@click.command("apply")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="FILE|URL|-",
    help="A file of blueprints, a URL, or - for standard input; may be repeated.",
)
@click.option("-e", "--event", "--subject", "subject", help="The subject of those that name none.")
@click.option("-U", "--update", is_flag=True, help="Change what is in the ledger already.")
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Print the plan; write nothing.")
def command(files: tuple[str, ...], subject: str | None, update: bool, dry_run: bool) -> None:
    """Add subjects, analyses and settings from blueprints.

    All documents are checked before anything is written; applying the same file again changes
    nothing.

    \b
    Example:
      asimov apply -f subjects.yaml -f analyses.yaml
      asimov apply -f analysis.yaml -e sunspots --dry-run
    """
    workspace = open_workspace()
    documents = blueprints.read(list(files))
    if not documents:
        click.echo("Nothing to apply: no documents in " + ", ".join(files))
        return
    if dry_run:
        plan = Planner(workspace.contents, _pipeline_settings, subject, update).add(documents)
        _show(plan, would=True)
        return
    with workspace.files.lock():
        # Somebody else may have changed the ledger while this waited for the lock.
        workspace.reload()
        plan = Planner(workspace.contents, _pipeline_settings, subject, update).add(documents)
        lost = write(workspace.files, plan.files)
        new = [(key, status, "added by asimov apply") for key, status in plan.added.items()]
        workspace.journal.add(new, "apply")
    _show(plan, would=False)
    for path in lost:
        click.echo(f"note: comments in {path} could not be kept", err=True)


def _pipeline_settings(name: str) -> tuple[str, ...]:
    """Return the settings that a pipeline says it reads; raises where there is no such pipeline."""
    if not plugins.is_known(plugins.PIPELINES, name):
        raise plugins.unknown(plugins.PIPELINES, name)
    point = plugins.find(plugins.PIPELINES, name)
    # Only asimov's own is loaded for this: to import somebody's package may take a long time.
    if point is None or not point.value.startswith("asimov."):
        return ()
    settings = plugins.load(plugins.PIPELINES, name).settings
    return settings if isinstance(settings, tuple) else ()


def _show(plan: Plan, *, would: bool) -> None:
    for note in plan.notes:
        click.echo(f"note: {note}", err=True)
    changes = [change for change in plan.changes if change.action != "unchanged"]
    if not changes:
        click.echo(f"Nothing changed: all of it is in the ledger ({len(plan.changes)} items)")
        return
    for change in changes if would or len(changes) <= 50 else []:
        click.echo(f"{change.action:6} {change.what}")
    counts = ", ".join(
        f"{plan.count(action)} {word}"
        for action, word in (("add", "added"), ("update", "updated"), ("unchanged", "unchanged"))
        if plan.count(action)
    )
    click.echo(f"{'Would be' if would else 'Done'}: {counts}")
