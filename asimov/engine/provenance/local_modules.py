"""Find the modules that Python scripts import from their own folder, without running them.

Python puts the folder of a script, with links resolved, in front of where it looks for modules.
Sources: The Python Tutorial, "The Module Search Path"; The Python Language Reference, "The import
system".
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from asimov.engine.provenance.interpreters import first_line, is_python
from asimov.engine.provenance.used_files import is_within
from asimov.errors import AsimovError
from asimov.system import reading

_SUFFIX = ".py"
#: Folders of installed packages: their versions count, and are recorded.
_INSTALLED = {"site-packages", "dist-packages"}
#: asimov's own programs: only their version is recorded.
_OWN = str(Path(__file__).parents[2]) + os.sep
#: The most files that are followed from one script.
_MOST = 1000


class LocalModules:
    """Finds the local modules of scripts.

    Parameters
    ----------
    soon
        How long an answer is taken for granted, in seconds.
    """

    def __init__(self, soon: float) -> None:
        self._soon = soon
        self._found: dict[str, tuple[float, list[str]]] = {}

    def of(self, script: str) -> list[str]:
        """Return the files that a script imports from its folder, directly or by another module.

        Parameters
        ----------
        script
            The absolute path of any file; only one of Python imports anything.

        Returns
        -------
        list of str
            Absolute paths, sorted. A file that is no valid Python is not followed.
        """
        now = time.monotonic()
        since, found = self._found.get(script, (-self._soon, []))
        if now - since > self._soon:
            found = sorted(_modules(script)) if _is_script(script) else []
            self._found[script] = now, found
        return found


def _is_script(path: str) -> bool:
    parts = PurePath(path)
    if path.startswith(_OWN) or not _INSTALLED.isdisjoint(parts.parts) or not os.path.isfile(path):
        return False
    if parts.suffix:
        return parts.suffix == _SUFFIX
    # `#!/usr/bin/python3` or `#!/usr/bin/env python3`
    return any(is_python(word) for line in first_line(path) for word in line.split())


def _modules(script: str) -> set[str]:
    first = os.path.realpath(script)
    folder = os.path.dirname(first)
    found: dict[str, None] = {}
    todo = [first]
    while todo and len(found) < _MOST:
        file = todo.pop()
        for each in _imported(file, folder):
            if each not in found and each != first:
                found[each] = None
                todo.append(each)
    return set(found)


def _imported(file: str, folder: str) -> Iterator[str]:
    """Yield the files of a folder that a file imports."""
    try:
        tree = ast.parse(reading.contents(Path(file)))
    except (OSError, AsimovError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(folder, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = os.path.dirname(file) if node.level else folder
            for _ in range(node.level - 1):
                base = os.path.dirname(base)
            if not is_within(base, folder):
                continue
            names = node.module.split(".") if node.module else []
            for alias in node.names:  # each may be a module
                yield from _files(base, [*names, alias.name], level=node.level)


def _files(folder: str, names: Iterable[str], *, level: int = 0) -> Iterator[str]:
    """Yield the files that Python loads for a dotted name, as far as they are in a folder."""
    here = folder
    for number, name in enumerate(names):
        if not number and not level and name in sys.builtin_module_names:
            return
        package = os.path.join(here, name, "__init__.py")
        module = os.path.join(here, name + _SUFFIX)
        if os.path.isfile(package):
            yield package
        elif os.path.isfile(module):
            yield module
            return
        here = os.path.join(here, name)
        if not os.path.isdir(here):  # one without `__init__.py` is a package too
            return
