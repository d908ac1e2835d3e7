"""``asimov apply``: add blueprints to the ledger."""

from __future__ import annotations

import click

from asimov.cli.ledger.removal import reason_option
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, warn
from asimov.engine.apply import apply
from asimov.ledger import blueprints
from asimov.ledger.plan import Plan


@click.command("apply")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE|URL|-",
    help="A blueprint file, a URL, or - for standard input; may be repeated.",
)
@click.option(
    "-e", "--event", "--subject", "subject", help="The subject of analyses that name none."
)
@click.option("-p", "--plugin", metavar="NAME", help="Run this applicator hook instead of -f.")
@click.option("-U", "--update", is_flag=True, help="Also change existing entries.")
@click.option("--name", metavar="NAME", help="Give the only analysis of the files this name.")
@click.option(
    "-I",
    "--iterate",
    is_flag=True,
    help="If a name is taken, use the next free one: run-2, run-3.",
)
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Print the plan; write nothing.")
@click.option(
    "--replace", is_flag=True, help="Like -U, and remove the keys that a blueprint no longer has."
)
@click.option("-v", "--verbose", is_flag=True, help="List every change, however many there are.")
@click.option("--force", is_flag=True, help="Accept names that look misspelt.")
@reason_option
def command(
    files: tuple[str, ...],
    subject: str | None,
    plugin: str | None,
    update: bool,
    name: str | None,
    iterate: bool,
    dry_run: bool,
    replace: bool,
    verbose: bool,
    force: bool,
    reason: str | None,
) -> None:
    """Add subjects, analyses and settings from blueprints.

    All documents are checked before anything is written, and applying the same file again changes
    nothing. With -p, an applicator hook from a package writes the ledger entries of a subject.

    \b
    Example:
      asimov apply -f subjects.yaml -f analyses.yaml
      asimov apply -f analysis.yaml -e sunspots --dry-run
      asimov apply -f analysis.yaml --iterate
      asimov apply -p cbcflow -e S190521g
    """
    check(files, plugin, update, name, iterate)
    workspace = open_workspace(Use.acting(dry_run=dry_run), whole=True)
    if plugin is not None:
        from asimov.engine.staleness.consequences import newly_outdated
        from asimov.plugins.applicators import apply_with

        plan = apply_with(workspace, plugin, subject, dry_run=dry_run, outdated=newly_outdated)
        show_plan(plan, would=dry_run, whole=verbose)
        return
    documents = blueprints.read(list(files))
    if not documents:
        say("Nothing to apply: no documents in " + ", ".join(files))
        return
    plan = apply(
        workspace,
        documents,
        subject=subject,
        name=name,
        update=update,
        iterate=iterate,
        dry_run=dry_run,
        replace=replace,
        force=force,
        reason=reason,
    )
    show_plan(plan, would=dry_run, whole=verbose)


def check(
    files: tuple[str, ...], plugin: str | None, update: bool, name: str | None, iterate: bool
) -> None:
    """Refuse options that don't go together.

    Raises
    ------
    click.UsageError
        If there are such.
    """
    if not files and plugin is None:
        raise click.UsageError("Missing option '-f' (a blueprint file) or '-p' (a hook).")
    if plugin is not None and (files or update or name is not None or iterate):
        raise click.UsageError(
            "-p can't be combined with -f, -U, --name or -I: the hook decides what to write."
        )
    if iterate and update:
        raise click.UsageError("-I adds analyses and -U changes them: use one of the two.")


def show_plan(plan: Plan, *, would: bool, whole: bool = False) -> None:
    """Print what was changed, or would be; `whole` is whether to list all of it."""
    for note in plan.notes:
        warn(f"note: {note}")
    for line in plan.summary(would=would, whole=whole):
        say(line)
    for path in plan.comments_lost:
        warn(f"note: comments in {path} could not be kept")
