"""Change the working directory or environment variables within a block."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def set_directory(path: str | Path) -> Iterator[Path]:
    """Work in another directory within the block.

    Parameters
    ----------
    path
        The directory. It is also where the block is left to, where the directory of before has
        been removed meanwhile.
    """
    before: str | None = None
    with suppress(OSError):  # it may have been removed
        before = os.getcwd()  # noqa: PTH109  (called 10,000 times a pass)
    os.chdir(path)
    try:
        yield path if isinstance(path, Path) else Path(path)
    finally:
        for folder in (before, path):
            with suppress(OSError):
                if folder is not None:
                    os.chdir(folder)
                    break


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment within the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
