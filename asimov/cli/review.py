"""``asimov review``: review analyses, and show the reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show_json
from asimov.engine.build import audit
from asimov.engine.changes.review import add_reviews
from asimov.engine.plain_data.reviews import reviews_data
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import reviews
from asimov.project.workspace import Workspace


@click.group("review")
def command() -> None:
    """Review an analysis, or show the reviews.

    \b
    Example:
      asimov review status sunspots
    """


@command.command("add")
@analysis_argument("status")
@click.option("-m", "--message", help="A comment for the review.")
@click.option(
    "-o_e",
    "--other_subjects",
    "--other-subjects",
    "others",
    metavar="NAME,...",
    help="For an analysis across subjects: its other subjects.",
)
@click.option("-p", "--pipeline", help="For an analysis across subjects: its pipeline.")
def add_command(
    subject: str,
    name: str,
    status: str | None,
    message: str | None,
    others: str | None,
    pipeline: str | None,
) -> None:
    """Review the analysis NAME of SUBJECT: approved, rejected, preferred or deprecated.

    Without STATUS, this only adds the message. Name an analysis across subjects with the subject
    'project-analyses', or with all of its subjects.

    \b
    Example:
      asimov review add sunspots/detrend approved -m "the trend is gone"
    """
    if status is None and message is None:
        raise click.UsageError("give a STATUS, a message (-m), or both")
    outcome = None if status is None else reviews.named(status)
    workspace = open_workspace(Use.ACT)
    key = _find(workspace, subject, name, others, pipeline)
    add_reviews(workspace, [key], message, outcome, "asimov review add")
    say(f"{key}: {outcome or 'message added'}")


def _find(
    workspace: Workspace, subject: str, name: str, others: str | None, pipeline: str | None
) -> Key:
    """Return the named analysis; one across subjects may be named by its subjects."""
    if others is None and (subject, name) in workspace.contents.entries:
        return Key(subject, name)
    rest = [each.strip() for each in (others or "").strip("[]").split(",")]
    subjects = {subject, *filter(None, rest)}
    key = Key(PROJECT_ANALYSES, name)
    entry = workspace.contents.entries.get(key)
    if entry is not None and set(entry.data.get("subjects") or workspace.contents.subjects) == (
        subjects
    ):
        if pipeline is not None and pipeline.lower() != entry.pipeline.lower():
            raise AsimovError(
                f"the project analysis {name!r} uses the pipeline {entry.pipeline}, not {pipeline}",
                hint="leave the pipeline out, or review another analysis",
            )
        return key
    if others is None:
        return workspace.key(subject, name)
    for each in sorted(subjects):
        workspace.keys(each)  # raises for an unknown subject
    raise AsimovError(
        f"there is no project analysis {name!r} of the subjects {', '.join(sorted(subjects))}",
        hint=f"'asimov status {PROJECT_ANALYSES}' lists the project analyses",
    )


@command.command("status")
@analysis_argument(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def status_command(subject: str | None, name: str | None, as_json: bool) -> None:
    """Show the reviews of all analyses, of SUBJECT, or of its analysis NAME.

    \b
    Example:
      asimov review status sunspots
    """
    workspace = open_workspace(Use.READ)
    keys = workspace.keys(subject, name)
    show_reviews(reviews_data(workspace, keys), one=name is not None, as_json=as_json)


def show_reviews(found: Sequence[Mapping[str, Any]], *, one: bool, as_json: bool) -> None:
    """Print the reviews of analyses.

    Parameters
    ----------
    found
        The reviews, as `reviews_data` returns them.
    one
        Whether one analysis is asked for: then every message of it.
    as_json
        Whether to print JSON.
    """
    if as_json:
        names = ("subject", "name", "status", "messages")
        show_json([{name: each[name] for name in names} for each in found])
        return
    if one:
        _show(found[0])
        return
    if not found:
        say("No analyses yet; 'asimov apply -f FILE' adds some")
        return
    rows = []
    for each in found:
        last = (each["messages"] or [{}])[-1]
        rows.append(
            [
                *(each["subject"], each["name"], each["state"], each["status"] or ""),
                str(last.get("message") or ""),
            ]
        )
    table.show(("subject", "name", "state", "review", "last message"), rows)


@command.command("audit")
@click.argument("subject", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def audit_command(subject: str | None, as_json: bool) -> None:
    """Compare configurations with the ledger: which were edited, or would be made otherwise now.

    \b
    Example:
      asimov review audit sunspots
    """
    workspace = open_workspace(Use.READ)
    rows = []
    for key in workspace.keys(subject):
        known = workspace.builds.get(key)
        rows.append((*key, audit(workspace, key), known.config if known else None))
    if as_json:
        names = ("subject", "name", "differs", "configuration")
        show_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        shown = [
            (*key, differs or "as the ledger says", file or "") for *key, differs, file in rows
        ]
        table.show(("subject", "name", "its configuration", "file"), shown)


def _show(review: Mapping[str, Any]) -> None:
    """Print every message about one analysis."""
    say(f"{review['subject']}/{review['name']}: {review['status'] or 'not reviewed'}")
    for each in review["messages"]:
        status = f"  {str(each['status']).lower()}" if each.get("status") else ""
        by = f"  [{each['by']}]" if each.get("by") else ""
        message = f": {each['message']}" if each.get("message") else ""
        say(f"  {each.get('timestamp') or ''}{status}{by}{message}")
