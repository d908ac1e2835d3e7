"""What modules of functions register, found out by importing each in a process of its own.

The process is the Python that runs the job, so the module's packages need not be installed beside
asimov, and a module that raises, exits or hangs does no harm. Answers are kept in
``.asimov/functions.json`` until one of the module's files changes.

A module of a project is code that runs when it is imported. A command that only reads imports none:
it goes by the answer that was kept last, if there is one. A dry run may import, and keeps nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from asimov import functions
from asimov._version import __version__
from asimov.configuration import PROJECT_FILE
from asimov.project import current
from asimov.system import reading
from asimov.system.child_process import ChildProcess, exit_text
from asimov.system.files import memory_file, write_atomically

#: The package that a job needs, and the program in it.
PACKAGE = Path(functions.__file__).parent
PROGRAM = "runner.py"
#: How long a module may take to import, in seconds.
TIMEOUT = 120.0
#: For how many seconds an error is taken for current: what is missing may be installed meanwhile.
_ERROR = 10.0
#: What jobs see of the environment.
_ENVIRONMENT = ("HOME", "LANG", "PATH", "USER", "TMPDIR")


@dataclass(frozen=True)
class ModuleDescription:
    """A module of functions.

    Attributes
    ----------
    functions
        By registered name: ``python``, the function's name, and ``default_settings``.
    files
        The files whose change makes this out of date.
    parts
        The files and package folders that a job needs along, where Python has them not.
    error
        Why the module can't be imported; None if it can.
    is_current
        Whether the module was looked at as it is now. A command that only reads may get what an
        earlier one has kept; without that it learns of no functions.
    """

    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Sequence[str] = ()
    parts: Sequence[str] = ()
    error: str | None = None
    is_current: bool = True


def description_of(module: str, root: Path, python: str = sys.executable) -> ModuleDescription:
    """Return what a module registers.

    Parameters
    ----------
    module
        The module: a file or package in the project's folder, or importable.
    root
        The project's folder.
    python
        The absolute path of the Python that runs the job.
    """
    key = json.dumps([__version__, python, module])
    if not current.imports_modules(root):
        return _Kept(root).last(key, module)
    known = _known.get((root, key))
    if known is not None:
        asked, stamp, answer = known
        lasts = answer.error is None or time.monotonic() < asked + _ERROR
        if lasts and stamp == _stamp(answer, module, root):
            return answer
    kept = _Kept(root)
    found = kept.read(key, module)
    if found is None:
        found = _asked(module, root, python)
        if found.error is None and not current.is_only_read(root):
            kept.write(key, module, found)
    _known[root, key] = time.monotonic(), _stamp(found, module, root), found
    return found


#: When each question was asked, the state of the files then, and the answer.
_known: dict[tuple[Path, str], tuple[float, Any, ModuleDescription]] = {}


def _stamp(answer: ModuleDescription, module: str, root: Path) -> list[Any]:
    """Return what changes when a module's files do, or another module takes its place."""
    top = module.partition(".")[0]
    stamp: list[Any] = [(root / top).is_dir()]
    for file in (str(root / f"{top}.py"), *answer.files):
        try:
            status = Path(file).stat()
        except OSError:
            stamp.append([file])
        else:
            stamp.append([file, status.st_mtime_ns, status.st_size])
    return stamp


class _Kept:
    """The file that keeps a project's answers; it may be lost, and is written where that works."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / PROJECT_FILE.parent / "functions.json"

    def _all(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            kept = json.loads(reading.contents(self._path))
            if isinstance(kept, dict):
                return kept
        return {}

    def read(self, key: str, module: str) -> ModuleDescription | None:
        with suppress(KeyError, TypeError):
            kept = self._all()[key]
            answer = ModuleDescription(**kept["answer"])
            if kept["stamp"] == _stamp(answer, module, self._root):
                return answer
        return None

    def last(self, key: str, module: str) -> ModuleDescription:
        """Return the last answer, even if the module's files have changed since."""
        if (answer := self.read(key, module)) is not None:
            return answer
        with suppress(KeyError, TypeError):
            return replace(ModuleDescription(**self._all()[key]["answer"]), is_current=False)
        return ModuleDescription(is_current=False)

    def write(self, key: str, module: str, answer: ModuleDescription) -> None:
        if not self._path.parent.is_dir():
            return
        kept = self._all()
        kept[key] = {"stamp": _stamp(answer, module, self._root), "answer": asdict(answer)}
        with suppress(OSError):
            write_atomically(self._path, json.dumps(kept, indent=1) + "\n", sync=False)


def _asked(module: str, root: Path, python: str) -> ModuleDescription:
    """Import a module in a process of its own, and return the answer."""
    # What asimov's own Python finds elsewhere, a job finds as parts that go along.
    names = (*_ENVIRONMENT, *(("PYTHONPATH",) if python == sys.executable else ()))
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # nothing appears beside the module
    with memory_file() as output:
        command = [python, str(PACKAGE / PROGRAM), "describe", module, f"--path={root}/"]
        try:
            process = ChildProcess(command, TIMEOUT, output=output, environment=environment)
        except OSError as error:
            return ModuleDescription(error=f"{python} can't be run: {error.strerror}")
        try:
            while not process.is_over:
                time.sleep(0.01)
        finally:
            code = process.close()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if code is None:
        return ModuleDescription(error=f"it was not imported within {TIMEOUT:g} s")
    try:
        return ModuleDescription(**json.loads(text))
    except (ValueError, TypeError):
        return ModuleDescription(error=f"the process that imports it ended with {exit_text(code)}")
