"""The open project in a process that reads, opened again whenever it has changed."""

from __future__ import annotations

import time
from pathlib import Path

from asimov.project.workspace import Workspace

#: The seconds for which edits by hand, of the ledger and the configuration, may go unnoticed: the
#: least, the most, and how many times as long as a look takes.
_LOOK, _LATEST, _TIMES = 1.0, 1.5, 20


class CurrentProject:
    """A project that stays open.

    What commands change is seen at once. Edits by hand are looked for from time to time, since that
    takes a look at each file of the ledger.

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
        self._due = time.monotonic() + _LOOK

    @property
    def workspace(self) -> Workspace:
        """The project as it is now."""
        now = time.monotonic()
        if now < self._due:
            self.opened.catch_up(look=False)
        else:
            self.opened.reload()
            took = time.monotonic() - now
            self._due = now + took + min(max(_LOOK, _TIMES * took), _LATEST)
        return self.opened
