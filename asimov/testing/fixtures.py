"""pytest fixtures; enable them with ``pytest_plugins = ["asimov.testing.fixtures"]``."""

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
    """Return a scratch project whose jobs run on this machine."""
    with ScratchProject(tmp_path / "scratch") as project:
        yield project


@pytest.fixture
def recording_scheduler() -> RecordingScheduler:
    """Return a scheduler that records submissions and runs nothing."""
    return RecordingScheduler()


@pytest.fixture
def clock() -> Clock:
    """Return a clock that only the test advances."""
    return Clock()


@pytest.fixture
def recorded_project(
    tmp_path: Path, recording_scheduler: RecordingScheduler, clock: Clock
) -> Iterator[ScratchProject]:
    """Return a scratch project that uses the recording scheduler and `clock`."""
    with ScratchProject(tmp_path / "recorded", recording_scheduler, clock=clock) as project:
        yield project


@pytest.fixture
def add_entry_points() -> Iterator[Callable[[Mapping[str, Mapping[str, Any]]], None]]:
    """Return a function that adds entry points until the end of the test."""
    with ExitStack() as stack:
        yield lambda added: stack.enter_context(entry_points(added))
