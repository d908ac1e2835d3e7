"""Run a block with an empty home folder, without the user's configuration and git identity."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asimov.system.environment import environment


@contextmanager
def own_home(folder: Path) -> Iterator[None]:
    """Use a folder as the home folder within the block, for asimov and for programs.

    ``PATH`` starts with this Python's environment, whether or not it is activated.

    Parameters
    ----------
    folder
        The home folder; created if it is missing.
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
