"""``asimov manage``: build configurations and submit analyses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from asimov.cli.manage.keys import key_command
from asimov.cli.manage.stored import link_all, list_all
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say
from asimov.engine import build, submit
from asimov.engine.build import Result
from asimov.engine.lease import acting
from asimov.errors import EXIT_ERROR, EXIT_UNREACHABLE, SchedulerUnreachableError


def _for_all(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Apply an option of one command to every command of the chain.

    Someone who types ``build submit --dry-run`` does not want to build.
    """
    key = f"asimov.manage.{param.name}"
    if value and ctx.meta.setdefault(key, value) != value:
        raise click.UsageError(f"--{param.name} has two values: {ctx.meta[key]} and {value}")
    return value


_event = click.option(
    "-e",
    "--event",
    "--subject",
    "subject",
    callback=_for_all,
    expose_value=False,
    help="Only this subject; applies to all commands of the chain.",
)
_dry_run = click.option(
    "-d",
    "-n",
    "--dryrun",
    "--dry-run",
    "dry_run",
    is_flag=True,
    callback=_for_all,
    expose_value=False,
    help="Only print what would be done; applies to all commands of the chain.",
)


def _given() -> tuple[str | None, bool]:
    """Return the options of the chain: the subject, and whether this is a dry run."""
    meta = click.get_current_context().meta
    return meta.get("asimov.manage.subject"), bool(meta.get("asimov.manage.dry_run"))


@click.group("manage", chain=True)
def command() -> None:
    """Build configurations and submit analyses.

    \b
    Example:
      asimov manage build submit
      asimov manage build --event sunspots --dry-run
    """


command.add_command(key_command)


@command.result_callback()
def _end(codes: list[int]) -> None:
    # Only at the end: a failed build must not keep others from being submitted.
    if any(codes):
        sys.exit(max(codes))


@command.command("build")
@_event
@_dry_run
@click.option("--force", is_flag=True, help="Overwrite configurations that were edited by hand.")
def build_command(force: bool) -> int:
    """Render and commit the configuration of each analysis that is ready.

    \b
    Example:
      asimov manage build --event sunspots
    """
    subject, dry_run = _given()
    workspace = open_workspace(Use.acting(dry_run=dry_run))
    with acting(workspace, "asimov manage build", say, dry_run=dry_run):
        keys = workspace.keys(subject)
        result = build.build(workspace, keys, say, dry_run=dry_run, force=force)
    return _summarise(result, "built", "nothing to build", dry_run)


@command.command("submit")
@_event
@_dry_run
@click.option(
    "--max-submit",
    "most",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    help="Submit at most this many, regardless of [monitor] max submissions.",
)
def submit_command(most: int | None) -> int:
    """Submit each analysis that is built.

    \b
    Example:
      asimov manage submit --dry-run
      asimov manage submit --max-submit 10
    """
    subject, dry_run = _given()
    workspace = open_workspace(Use.acting(dry_run=dry_run))
    with submit.submitting(workspace, "asimov manage submit", say, dry_run=dry_run):
        keys = workspace.keys(subject)
        result = submit.submit(workspace, keys, say, dry_run=dry_run, most=most)
    return _summarise(result, "submitted", "nothing to submit", dry_run)


@command.command("results")
@_event
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def results_command(as_json: bool) -> int:
    """List every stored result with its path.

    \b
    Example:
      asimov manage results --event sunspots
    """
    list_all(_given()[0], as_json=as_json)
    return 0


@command.command("resultslinks")
@_event
@click.option(
    "--root",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the links; created if missing.",
)
def resultslinks_command(root: Path) -> int:
    """Make a folder of links to all stored results: SUBJECT/NAME/FILE.

    Run it again to add new results.

    \b
    Example:
      asimov manage resultslinks --root public/results
    """
    link_all(_given()[0], root)
    return 0


def _summarise(result: Result, done: str, nothing: str, dry_run: bool) -> int:
    """Print a summary; return the exit code."""
    parts = [f"{len(result.done)} {'would be ' if dry_run else ''}{done}"] if result.done else []
    if result.unchanged:
        parts.append(f"{len(result.unchanged)} unchanged")
    others = len(result.waiting) - len(result.deferred) - len(result.unbuilt)
    if others:
        parts.append(f"{others} waiting for others (see 'asimov status')")
    if result.unbuilt:
        reasons = " or ".join(sorted({result.waiting[key][0] for key in result.unbuilt}))
        parts.append(f"{len(result.unbuilt)} not built ({reasons}): run 'asimov manage build'")
    if result.deferred:
        (why,) = result.waiting[result.deferred[0]]
        parts.append(f"{len(result.deferred)} postponed: {why}")
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    say(", ".join(parts) or nothing)
    if any(isinstance(error, SchedulerUnreachableError) for error in result.failed.values()):
        return EXIT_UNREACHABLE
    return EXIT_ERROR if result.failed else 0
