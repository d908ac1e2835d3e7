"""Run any ``asimov`` command in a scratch project, in the process of the test."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

from asimov.cli import cli
from asimov.errors import AsimovError
from asimov.testing.project import ScratchProject


def run(project: ScratchProject, *arguments: object) -> str:
    """Run a command, such as ``run(project, "review", "add", "s", "a", "approved")``.

    Parameters
    ----------
    project
        The scratch project.
    *arguments
        The command and its arguments.

    Returns
    -------
    str
        What it printed to standard output.

    Raises
    ------
    AsimovError
        The error that the command line would print, or one for an exit code other than 0.
    """
    project.close()
    output, errors = io.StringIO(), io.StringIO()
    given = ["--project", str(project.root), *map(str, arguments)]
    code: object = 0
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            code = cli.main(given, standalone_mode=False)
        except SystemExit as error:
            code = error.code
    project.lines += (output.getvalue() + errors.getvalue()).splitlines()
    if code:
        words = " ".join(map(str, arguments))
        raise AsimovError(f"asimov {words} ended with exit code {code}", hint=output.getvalue())
    return output.getvalue()
