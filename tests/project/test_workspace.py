from __future__ import annotations

import gc
import weakref
from pathlib import Path

from asimov.project.workspace import Workspace


def test_a_project_that_nobody_uses_any_more_is_freed_at_once(project: Path) -> None:
    """Its journal is an open database, which the next command may have to write to."""
    gc.disable()
    try:
        opened = Workspace.open(project)
        opened.reload()
        left = weakref.ref(opened)
        del opened
        assert left() is None
    finally:
        gc.enable()
