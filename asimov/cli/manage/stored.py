"""``asimov manage results`` lists all stored files; ``resultslinks`` makes a folder of symlinks."""

from __future__ import annotations

from pathlib import Path

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json
from asimov.engine.plain_data.files import stored_data
from asimov.project.storage.listing import files, link


def list_all(subject: str | None, *, as_json: bool) -> None:
    """Print every stored file with its path, of all subjects or of one."""
    workspace = open_workspace(Use.READ, files=True)
    found = files(workspace.store, workspace.keys(subject))
    if as_json:
        show_json([stored_data(each) for each in found])
        return
    listed = list(found)
    for each in listed:
        say(f"{each.key}/{each.name}, {each.path}")
    if not listed:
        say("No results are stored yet")


def link_all(subject: str | None, root: Path) -> None:
    """Make links to every stored file, of all subjects or of one."""
    workspace = open_workspace(Use.READ, files=True)
    found = files(workspace.store, workspace.keys(subject))
    places = list(link(found, root.absolute()))
    for place in places:
        say(str(place))
    say(f"{len(places)} links to stored files are in {root}")
