"""A home folder of a test's own: neither the user's configuration nor their git identity."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asimov.system.surroundings import environment


@contextmanager
def own_home(folder: Path) -> Iterator[None]:
    """Have programs and asimov itself find an empty home within the block.

    The programs of this Python's environment come first on ``PATH``, activated or not.

    Parameters
    ----------
    folder
        The home; made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    variables = {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "GIT_CONFIG_GLOBAL": str(folder / ".gitconfig"),
        "PATH": path,
    }
    with environment(variables):
        yield
