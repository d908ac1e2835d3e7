"""``asimov store verify``: check that the stored results are complete and unchanged."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.results.verification import advice, record, verified
from asimov.errors import EXIT_ERROR, ReportedError
from asimov.journal.keys import Key
from asimov.project.storage.verification import Verified
from asimov.text import amount, counted


@click.group("store")
def command() -> None:
    """Check the stored results.

    \b
    Example:
      asimov store verify
    """


@command.command("verify")
@selection_options
@click.option(
    "--quick", is_flag=True, help="Check only files that were written after they were stored."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def verify_command(
    context: click.Context, selection: Selection, quick: bool, as_json: bool
) -> None:
    """Check every stored file against its SHA-256 and size.

    This reports files that are missing or changed, or that no manifest lists, each with the
    analysis that owns it; superseded results are checked as well. Without a selection it checks
    the whole store. The exit code is 1 if anything is wrong.

    What is damaged is recorded: 'asimov status', 'why' and 'rerun' show it until the file is
    restored or made again.

    \b
    Example:
      asimov store verify 'sunspots/*'
    """
    workspace = open_workspace(Use.READ, files=True)
    stored = [Key(*each) for each in workspace.store.analyses()]
    keys = selection.of(workspace, more=stored) if selection.given else None
    found = verified(workspace, keys, quick=quick)
    checked = [*workspace.contents.entries, *stored] if keys is None else keys
    try:
        record(workspace, checked, found.faults, quick=quick)
    except (ReportedError, OSError) as error:
        warn(f"note: the damage is not recorded: {error}")
    if as_json:
        show_json(
            {
                "files": found.files,
                "size": found.size,
                "read": found.hashed,
                "faults": [each._asdict() for each in found.faults],
            }
        )
    else:
        _show(found)
        for line in advice(workspace, found.faults):
            say(line)
    if found.faults:
        context.exit(EXIT_ERROR)


def _show(found: Verified) -> None:
    for each in found.faults:
        owner = f"{each.subject}/{each.analysis}"
        say(f"{owner}: {each.kind}: {each.name}: {each.detail}")
    files = counted(found.files, "stored file")
    what = f"{files}, {amount(found.size)}; {found.hashed} read"
    faults = counted(len(found.faults), "fault") if found.faults else "all as they were stored"
    say(f"{what}: {faults}")
