"""``asimov review``: review analyses, and show the reviews."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show_json
from asimov.engine.build import audit
from asimov.engine.changes.review import add_reviews
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
                f"the analysis {name!r} across subjects uses the pipeline {entry.pipeline}, "
                f"not {pipeline}"
            )
        return key
    if others is None:
        return workspace.key(subject, name)
    for each in sorted(subjects):
        workspace.keys(each)  # raises for an unknown subject
    raise AsimovError(
        f"there is no analysis {name!r} across the subjects {', '.join(sorted(subjects))}",
        hint=f"'asimov status {PROJECT_ANALYSES}' lists the analyses across subjects",
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
    found = {key: workspace.settings(key).get("review") for key in keys}
    if as_json:
        shown = [
            {
                "subject": key[0],
                "name": key[1],
                "status": reviews.outcome(review),
                "messages": reviews.messages(review),
            }
            for key, review in found.items()
        ]
        show_json(shown)
        return
    if name is not None:
        _show(keys[0], found[keys[0]])
        return
    if not keys:
        say("No analyses yet; 'asimov apply -f FILE' adds some")
        return
    rows = []
    for key, review in found.items():
        last = (reviews.messages(review) or [{}])[-1]
        rows.append(
            [
                *key,
                workspace.status(key),
                reviews.outcome(review) or "",
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


def _show(key: Key, review: object) -> None:
    """Print every message about one analysis."""
    say(f"{key}: {reviews.outcome(review) or 'not reviewed'}")
    for each in reviews.messages(review):
        status = f"  {str(each['status']).lower()}" if each.get("status") else ""
        by = f"  [{each['by']}]" if each.get("by") else ""
        message = f": {each['message']}" if each.get("message") else ""
        say(f"  {each.get('timestamp') or ''}{status}{by}{message}")
