"""Find programs on ``PATH``."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache


def on_path(name: str) -> str | None:
    """Return the path of a program as `shutil.which` does; the search is repeated if it has gone.

    Thousands of analyses share a program, and a search reads every folder of ``PATH``.
    """
    path = os.environ.get("PATH")
    found = _found(name, path)
    if found is None or not os.access(found, os.X_OK):
        _found.cache_clear()  # it may be installed, moved or removed while a monitor watches
        found = _found(name, path)
    return found


@lru_cache(maxsize=64)
def _found(name: str, path: str | None) -> str | None:
    return shutil.which(name, path=path)
