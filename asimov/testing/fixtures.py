"""pytest fixtures, for a test suite that says ``pytest_plugins = ["asimov.testing.fixtures"]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from asimov.testing.clock import Clock
from asimov.testing.project import ScratchProject
from asimov.testing.recording import RecordingScheduler
from asimov.testing.temporary_entry_points import entry_points


@pytest.fixture
def scratch_project(tmp_path: Path) -> Iterator[ScratchProject]:
    """Return a project on the local scheduler, which runs its jobs on this machine."""
    with ScratchProject(tmp_path / "scratch") as project:
        yield project


@pytest.fixture
def recording_scheduler() -> RecordingScheduler:
    """Return a scheduler that runs nothing and records what it is given."""
    return RecordingScheduler()


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until the test moves it on."""
    return Clock()


@pytest.fixture
def recorded_project(
    tmp_path: Path, recording_scheduler: RecordingScheduler, clock: Clock
) -> Iterator[ScratchProject]:
    """Return a project on the recording scheduler, whose time is `clock`'s."""
    with ScratchProject(tmp_path / "recorded", recording_scheduler, clock=clock) as project:
        yield project


@pytest.fixture
def add_entry_points() -> Iterator[Callable[[Mapping[str, Mapping[str, Any]]], None]]:
    """Return what adds entry points until the test's end, as `asimov.testing.entry_points`."""
    with ExitStack() as stack:
        yield lambda added: stack.enter_context(entry_points(added))
