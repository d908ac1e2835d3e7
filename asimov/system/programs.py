"""Find programs on ``PATH``."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache


def on_path(name: str) -> str | None:
    """Return the path of a program as `shutil.which` does; one that was found is not sought again.

    Thousands of analyses share a program, and a search reads every folder of ``PATH``.
    """
    try:
        return _found(name, os.environ.get("PATH"))
    except FileNotFoundError:
        return None


@lru_cache(maxsize=64)
def _found(name: str, path: str | None) -> str:
    found = shutil.which(name, path=path)
    if found is None:  # not cached: the program may be installed later
        raise FileNotFoundError(name)
    return found
