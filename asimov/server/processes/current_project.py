"""The open project in a process that reads, opened again whenever it has changed."""

from __future__ import annotations

import time
from pathlib import Path

from asimov.project.workspace import Workspace

#: The seconds for which edits of the ledger by hand may go unnoticed.
_LOOK = 1.0


class CurrentProject:
    """A project that stays open.

    Parameters
    ----------
    root
        The project's folder.

    Attributes
    ----------
    opened
        The project as it was when it was last looked at.
    """

    def __init__(self, root: Path) -> None:
        self.opened = Workspace.open(root, reading=True)
        self._looked = time.monotonic()

    @property
    def workspace(self) -> Workspace:
        """The project as it is now."""
        if time.monotonic() > self._looked + _LOOK:
            self._looked = time.monotonic()
            self.opened.reload()
        else:
            self.opened.catch_up()
        return self.opened
