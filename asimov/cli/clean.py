"""``asimov clean``: free scratch space whose products are stored; list what no analysis owns."""

from __future__ import annotations

import click
import msgspec

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, confirm, selection_options, yes_option
from asimov.cli.terminal.output import say, show_json
from asimov.engine.cleaning.plan import Plan, plan
from asimov.engine.cleaning.removal import remove
from asimov.engine.lease import at_work
from asimov.text import amount, counted


@click.command("clean")
@selection_options
@click.option("-n", "--dry-run", is_flag=True, help="Only print what would be done.")
@yes_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(selection: Selection, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Free the scratch space of stored analyses, and list files that no analysis owns.

    For each uploaded analysis, this checks all stored files, and then removes from its run
    directory the files that the results store has with the same SHA-256. Files that no manifest
    lists, such as logs, stay. Afterwards products come from the store, and restarts work as before.
    Files that no analysis owns are only listed.

    This shows its plan first, and asks before it acts, unless you give --yes.

    \b
    Example:
      asimov clean --dry-run
      asimov clean 'sunspots/*' --yes
    """
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)

    def planned() -> Plan:
        keys = selection.of(workspace) if selection.given else list(workspace.contents.entries)
        return plan(workspace, keys, whole=not selection.given)

    if dry_run:
        made = planned()
        _show(made, as_json=as_json, freed=None)
        return
    made = planned()
    if not as_json:
        _show(made, as_json=False, freed=None)
    freed = 0
    if made.freed or made.objects:
        if not (as_json and yes):
            confirm([], yes, f"free {amount(made.size)}")
        with at_work(workspace, "asimov clean"):
            freed = remove(workspace, made, (lambda _: None) if as_json else say)
        if not as_json:
            say(f"freed {amount(freed)}")
    if as_json:
        _show(made, as_json=True, freed=freed)


def _show(made: Plan, *, as_json: bool, freed: int | None) -> None:
    if as_json:
        show_json(
            {
                "freed": freed,
                "can_be_freed": made.size,
                "run_directories": [
                    {
                        "subject": each.subject,
                        "analysis": each.analysis,
                        "path": each.rundir,
                        "files": len(each.covered),
                        "size": each.size,
                        "kept_files": each.kept,
                        "kept_size": each.kept_size,
                    }
                    for each in made.freed
                ],
                "left_alone": msgspec.to_builtins(made.left),
                "objects": msgspec.to_builtins(made.objects),
                "unowned": msgspec.to_builtins(made.unowned),
            }
        )
        return
    for each in made.freed:
        stay = "stays" if each.kept == 1 else "stay"
        files = f"{counted(each.kept, 'file')}, {amount(each.kept_size)}, {stay}"
        stored = counted(len(each.covered), "file")
        are = "is" if len(each.covered) == 1 else "are"
        kept = f"; {files}" if each.kept else ""
        say(f"{each.key}: {stored}, {amount(each.size)}, {are} stored{kept}")
    for left in made.left:
        say(f"{left.subject}/{left.analysis}: left alone: {left.why}")
    if made.objects:
        size = sum(size for _, size in made.objects)
        contents = counted(len(made.objects), "content")
        say(f"{contents} in the store, {amount(size)}, that no result uses")
    for own in made.unowned:
        say(f"{own.path}: {amount(own.size)}: {own.what}")
    if not made.freed and not made.objects:
        say("nothing to free")
