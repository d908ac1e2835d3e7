"""Small helpers that plugins import by these names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from asimov.ledger.merge import difference, lay_over, merge


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
        yield Path(path)
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


def update(base: dict[Any, Any], top: Mapping[Any, Any], inplace: bool = True) -> dict[Any, Any]:
    """Lay settings over others: mappings merge, all else replaces.

    Parameters
    ----------
    base, top
        The settings, `top` over `base`.
    inplace
        Whether `base` itself is changed.
    """
    return lay_over(base, top) if inplace else merge([base, top])


def diff_dict(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the settings that `after` adds to `before` or changes in it."""
    return difference(before, after)
