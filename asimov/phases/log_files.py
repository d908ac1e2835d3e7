"""Write what phases log to files in the folder ``log`` of their workspace, one for each process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: The name of the first process, the one that starts the others.
PARENT = "Parent"


def logger() -> logging.Logger:
    """Return the logger of this package; what it logs goes where the phases' own lines go."""
    return logging.getLogger(__package__)


def file_of(workspace: Path, process: int | str) -> Path:
    """Return the log file of a process: its number, or `PARENT`."""
    return Path(workspace, "log", f"log_proc{process}.txt")


@contextmanager
def log_to(file: Path | None, *, append: bool = False) -> Iterator[None]:
    """Write what is logged within the block to a file.

    Parameters
    ----------
    file
        The file; None stands for standard error.
    append
        Whether what the file has is kept.
    """
    handler: logging.StreamHandler[Any]
    if file is None:
        handler = logging.StreamHandler()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, mode="a" if append else "w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.INFO)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO) if level else logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
