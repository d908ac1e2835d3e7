"""What the settings of the pipeline ``command`` must be, checked before anything is built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from asimov.settings import Fault


def faults(settings: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    """Yield everything that is wrong with the settings of an analysis.

    Parameters
    ----------
    settings
        The effective settings.
    root
        The project's folder.
    """
    yield from _executable(settings.get("executable"), root)
    yield from _outputs(settings.get("outputs"))
    processes = settings.get("processes", 1)
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        yield Fault(("processes",), f"should be a whole number from 1, not {processes!r}")
    if not isinstance(settings.get("arguments") or [], list):
        yield Fault(("arguments",), "should be a list, one item an argument")
    if not isinstance(settings.get("environment") or {}, Mapping):
        yield Fault(("environment",), "should be a mapping of variables")


def program(executable: str, root: Path) -> str | None:
    """Return the path of an executable: a file of the project, or a program on ``PATH``.

    Parameters
    ----------
    executable
        As it is in the settings.
    root
        The project's folder.
    """
    inside = root / executable
    if inside.is_file():
        return str(inside)
    try:
        return _on_path(executable, os.environ.get("PATH"))
    except FileNotFoundError:
        return None


@lru_cache(maxsize=64)
def _on_path(executable: str, path: str | None) -> str:
    # Thousands of analyses share a program, and a search looks into every folder of PATH.
    found = shutil.which(executable, path=path)
    if found is None:  # an exception is not cached: the program may be installed meanwhile
        raise FileNotFoundError(executable)
    return str(Path(found).absolute())


def _executable(executable: Any, root: Path) -> Iterator[Fault]:
    if not executable:
        yield Fault(("executable",), "is missing: it names the program to run")
        return
    found = program(str(executable), root)
    if found is None:
        yield Fault(
            ("executable",),
            f"{executable!r} is neither on PATH nor a file of the project",
        )
    elif not os.access(found, os.X_OK):
        yield Fault(("executable",), f"{executable!r} is not executable", f"chmod +x {executable}")


def _outputs(outputs: Any) -> Iterator[Fault]:
    if outputs is not None and not isinstance(outputs, Mapping):
        yield Fault(("outputs",), "should be a mapping of product names to files")
    elif not outputs:
        yield Fault(
            ("outputs",),
            "is missing: it names the products and their files, by which completion is recognised",
        )
    else:
        for name, file in outputs.items():
            path = PurePath(str(file))
            if isinstance(file, (Mapping, list)) or file is None or not path.name:
                yield Fault(("outputs", str(name)), f"should name a file, not {file!r}")
            elif path.is_absolute() or ".." in path.parts:
                yield Fault(("outputs", str(name)), "lies outside the run directory")
