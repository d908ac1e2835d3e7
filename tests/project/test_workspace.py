from __future__ import annotations

import gc
import weakref
from pathlib import Path

from asimov.journal.keys import Key
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


def test_what_a_pipeline_writes_to_a_project_that_is_only_read_is_gone_when_that_is_read_again(
    project: Path,
) -> None:
    opened = Workspace.open(project, reading=True)
    opened.facts.keep(Key("s", "a"), {}, {"x": 1})
    state = opened.state
    opened.reload()
    assert (dict(opened.facts), opened.state is state) == ({}, False)
    opened.journal.close()
