"""The program ``asimov``, and ``python -m asimov``: complete a word, or run a command."""

from __future__ import annotations

import sys
from typing import Any


def main() -> None:
    """Complete a word for a shell, without importing the command line, or run a command."""
    if sys.argv[1:2] == ["--complete"]:
        from asimov.project.completion import main as complete

        complete(_table)
        return
    from asimov.cli import main as run

    run()


def _table() -> dict[str, Any]:
    from asimov.cli import cli
    from asimov.cli.completion.table import write

    return write(cli)


if __name__ == "__main__":
    main()
