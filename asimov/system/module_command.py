"""The command that runs a module of asimov, without what lies in the current folder.

``python -m`` searches the current folder first, also for modules of the standard library: a file
``queue.py`` in a project would be run. Python's own way out, ``-P``, came with 3.11.
"""

from __future__ import annotations

import sys

#: As ``python -m`` with the first argument. A program of ``-c`` has the current folder as "".
_PROGRAM = (
    "import sys; sys.path[:] = filter(None, sys.path); from runpy import run_module; "
    "run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module, as ``python -m`` does, with this Python.

    Parameters
    ----------
    module
        Its name, or that of a package with a ``__main__``.
    arguments
        Its arguments.
    """
    return [sys.executable, "-c", _PROGRAM, module, *arguments]
