"""``asimov top``: the live view of the project."""

from __future__ import annotations

import os
import sys

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.colours import COLOURS, wanted
from asimov.cli.terminal.seconds import Seconds
from asimov.errors import AsimovError


@click.command("top")
@click.option("--filter", "words", default="", metavar="WORDS", help="Start with this filter.")
@click.option("--read-only", is_flag=True, help="Disable the keys that change anything.")
@click.option(
    "--interval",
    type=Seconds(min=0.2),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="The time between two updates.",
)
def command(words: str, read_only: bool, interval: float) -> None:
    """Watch all analyses live, inspect them, and act on them.

    The key '?' shows all keys. This needs the extra 'tui': pip install 'asimov[tui]'

    \b
    Example:
      asimov top
      asimov top --filter "state:stuck gw19*/bilby*" --read-only
    """
    workspace = open_workspace(Use.READ)
    root = workspace.project.root
    workspace.journal.close()
    try:
        import textual  # noqa: F401  (optional, and imported by no other command)
    except ImportError as error:
        raise AsimovError(
            "'asimov top' needs the Python package textual",
            hint="install it: pip install 'asimov[tui]'",
        ) from error
    if not all(os.isatty(number) for number in (0, 1, 2)):
        raise AsimovError(
            "'asimov top' needs a terminal",
            hint="'asimov status' prints the same to a file or pipe",
        )
    from asimov.engine.attention.filters import passing
    from asimov.tui.app import Top, View
    from asimov.tui.terminal import Terminal

    for each in ("COLUMNS", "LINES"):  # a shell that exports them hides that the size changes
        os.environ.pop(each, None)
    passing(words)  # raises before the screen changes
    colours = COLOURS if wanted() else {}
    terminal = Terminal.of(0)
    sys.exit(Top(View(root, interval, read_only, words, colours, terminal)).run_to_end())
