"""``asimov ledger import`` and ``export``: move a project in from, or out to, an older layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show, show_json, warn
from asimov.discovery import extensions
from asimov.engine.importing.move import Moved, move
from asimov.errors import AsimovError
from asimov.ledger.documents import dump
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system.files import write_new
from asimov.text import counted, short

#: The headings of the report, by the kind of remark, in order.
_HEADINGS = {
    "check": "Look at these",
    "not understood": "Not understood",
    "renamed": "Renamed",
    "frozen": "The project's defaults, which had been copied into subjects",
    "derived": "Derived by the old program, not chosen; derived here as well",
}
#: The most lines of each part of the report, unless --full is given.
_MOST = 20


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only print the report.")
@click.option(
    "--without-scheduler",
    is_flag=True,
    help="Continue if HTCondor does not respond; analyses that had jobs become stuck.",
)
@click.option("--full", is_flag=True, help="Print every line of the report.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_command(
    path: Path, dry_run: bool, without_scheduler: bool, full: bool, as_json: bool
) -> None:
    """Import a project of asimov 0.5 to 0.8 from PATH into this project, which must be empty.

    Either everything is imported or nothing, and the old project is never written to. The report
    lists what was renamed or not understood, and every setting whose value changes. PATH may also
    be a file that 'asimov ledger export' wrote.

    \b
    Exit codes: 5 HTCondor can't be reached.

    \b
    Example:
      asimov ledger import ../old-project --dry-run
      asimov ledger import ../old-project
    """
    workspace = open_workspace(Use.acting(dry_run=dry_run))
    moved = move(workspace, path, dry_run=dry_run, without_scheduler=without_scheduler)
    if as_json:
        show_json(_as_data(moved))
    else:
        _show(moved, most=None if full else _MOST, dry_run=dry_run)


def _show(moved: Moved, *, most: int | None, dry_run: bool) -> None:
    incoming = moved.incoming
    states = Counter(each.status for each in incoming.arrivals.values())
    say(f"{incoming.source} ({incoming.program})")
    say(
        f"Subjects: {len(incoming.subjects)}. Analyses: {len(incoming.arrivals)}: "
        + (", ".join(f"{states[name]} {name}" for name in STATES if states[name]) or "none")
    )
    say(
        f"Repositories: {len(incoming.repositories)}. Stored files: {len(moved.products)}. "
        f"Jobs that asimov follows from now on: {len(moved.adopted)}"
    )
    for adopted in moved.adopted:
        say(f"  {adopted.key}: job {adopted.job.job_id} in {adopted.job.folders[0]}")
    for kind, heading in _HEADINGS.items():
        _part(
            heading,
            [f"{each.what}: {each.detail}" for each in incoming.remarks if each.kind == kind],
            most,
        )
    orphans = [
        f"{key}: {each.status}: {each.reason}"
        for key, each in incoming.arrivals.items()
        if each.status in {"stuck", "stopped"} and ";" in each.reason
    ]
    _part("Analyses whose job can't be followed", orphans, most)
    changed = [
        f"{each.key}: {each.setting}: {_short(each.there)} -> {_short(each.here)}"
        for each in moved.differences
    ]
    _part("Settings whose value changes (there -> here)", changed, most)
    say("Nothing was written" if dry_run else "Imported. Next: asimov status")


def _part(heading: str, lines: list[str], most: int | None) -> None:
    if not lines:
        return
    say(f"{heading} ({len(lines)}):")
    for line in lines[:most]:
        say(f"  {line}")
    if most is not None and len(lines) > most:
        say(f"  ... and {len(lines) - most} more: --full shows them")


def _short(value: object) -> str:
    return short(" ".join(dump(value).strip().removesuffix("...").split()), 60)


def _as_data(moved: Moved) -> dict[str, object]:
    incoming = moved.incoming
    return {
        "source": str(incoming.source),
        "program": incoming.program,
        "subjects": list(incoming.subjects),
        "analyses": [
            {"subject": key[0], "name": key[1], "status": each.status, "reason": each.reason}
            for key, each in incoming.arrivals.items()
        ],
        "jobs": [
            {"subject": each.key[0], "name": each.key[1], "job": each.job.job_id}
            for each in moved.adopted
        ],
        "stored files": len(moved.products),
        "repositories": {name: str(path) for name, path in incoming.repositories.items()},
        "remarks": [
            {"kind": each.kind, "what": each.what, "detail": each.detail}
            for each in incoming.remarks
        ],
        "differences": [
            {
                "subject": each.key[0], "name": each.key[1], "setting": each.setting,
                "there": each.there, "here": each.here,
            }
            for each in moved.differences
        ],
    }  # fmt: skip


@click.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def export_command(file: Path | None) -> None:
    """Write the ledger, with states and reviews, as one YAML file in the layout of asimov 0.8.

    Without FILE it is printed. 'asimov ledger import FILE' in an empty project restores the same
    subjects, analyses, settings and states; results and repositories stay where they are.

    \b
    Example:
      asimov ledger export ledger.yml
    """
    workspace = open_workspace(Use.READ)
    text = dump(exported(workspace))
    if file is None:
        show(text.rstrip("\n"))
        return
    write_new(file, text)
    for path, error in workspace.contents.broken.items():
        warn(f"warning: {path} is not exported: {error}")
    count = counted(len(workspace.contents.entries), "analysis", "analyses")
    say(f"Wrote {count} to {file}")


def exported(workspace: Workspace) -> dict[str, Any]:
    """Return the ledger in the layout of asimov 0.8.

    Raises
    ------
    AsimovError
        If no package can write it.
    """
    importers = extensions.every(extensions.IMPORTERS)
    if not importers:
        raise AsimovError("no installed package can write a ledger in another layout")
    return dict(importers[0].export(workspace))
