"""``asimov apply``."""

from __future__ import annotations

import click

from asimov.cli.opened import Use, open_workspace
from asimov.cli.output import say, warn
from asimov.journal.forgotten import take_back
from asimov.ledger import blueprints
from asimov.ledger.changes import Plan
from asimov.ledger.writing import write
from asimov.plugins.declared import asset_notes, fault_notes, planner
from asimov.project.workspace import Workspace


@click.command("apply")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE|URL|-",
    help="A file of blueprints, a URL, or - for standard input; may be repeated.",
)
@click.option("-e", "--event", "--subject", "subject", help="The subject of those that name none.")
@click.option("-p", "--plugin", metavar="NAME", help="A hook that writes into the ledger itself.")
@click.option("-U", "--update", is_flag=True, help="Change what is in the ledger already.")
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Print the plan; write nothing.")
def command(
    files: tuple[str, ...], subject: str | None, plugin: str | None, update: bool, dry_run: bool
) -> None:
    """Add subjects, analyses and settings from blueprints.

    All documents are checked before anything is written; applying the same file again changes
    nothing. With -p a package's hook, of the kind 'applicator', writes what it knows of a subject.

    \b
    Example:
      asimov apply -f subjects.yaml -f analyses.yaml
      asimov apply -f analysis.yaml -e sunspots --dry-run
      asimov apply -p cbcflow -e S190521g
    """
    if not files and plugin is None:
        raise click.UsageError("Missing option '-f' (files of blueprints) or '-p' (a hook).")
    if plugin is not None and (files or update):
        raise click.UsageError("-p goes neither with -f nor with -U: a hook writes what it likes.")
    workspace = open_workspace(Use.acting(dry_run=dry_run), whole=True)
    if plugin is not None:
        from asimov.plugins.applicators import apply_with

        _show(apply_with(workspace, plugin, subject, dry_run=dry_run), would=dry_run)
        return
    documents = blueprints.read(list(files))
    if not documents:
        say("Nothing to apply: no documents in " + ", ".join(files))
        return
    if dry_run:
        _show(_planned(workspace, subject, update, documents), would=True)
        return
    with workspace.files.lock():
        # Somebody else may have changed the ledger while this waited for the lock.
        workspace.reload()
        plan = _planned(workspace, subject, update, documents)
        lost = write(workspace.files, plan.files)
        new = [(key, status, "added by asimov apply") for key, status in plan.added.items()]
        workspace.journal.add(new, "apply")
        take_back(workspace.journal, plan.added)
    _show(plan, would=False)
    for path in lost:
        warn(f"note: comments in {path} could not be kept")


def _planned(
    workspace: Workspace, subject: str | None, update: bool, documents: list[blueprints.Blueprint]
) -> Plan:
    made = planner(workspace, subject, update)
    plan = made.add(documents)
    plan.notes += asset_notes(made.contents, plan.added) + fault_notes(workspace, made)
    return plan


def _show(plan: Plan, *, would: bool) -> None:
    for note in plan.notes:
        warn(f"note: {note}")
    changes = [change for change in plan.changes if change.action != "unchanged"]
    if not changes:
        say(f"Nothing changed: all of it is in the ledger ({len(plan.changes)} items)")
        return
    for change in changes if would or len(changes) <= 50 else []:
        say(f"{change.action:6} {change.what}")
    counts = ", ".join(
        f"{plan.count(action)} {word}"
        for action, word in (("add", "added"), ("update", "updated"), ("unchanged", "unchanged"))
        if plan.count(action)
    )
    say(f"{'Would be' if would else 'Done'}: {counts}")
