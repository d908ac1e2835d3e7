"""The program ``asimov``, and ``python -m asimov``: complete a word, or run a command."""

from __future__ import annotations

import sys


def main() -> None:
    """Complete a word for a shell, without importing the command line, or run a command."""
    if sys.argv[1:2] == ["--complete"]:
        from asimov.project.completion import main as complete

        complete()
        return
    from asimov.cli import main as run

    run()


if __name__ == "__main__":
    main()
