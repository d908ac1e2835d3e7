"""Tools for testing plugins: scratch projects, a recording scheduler, a clock, entry points.

`asimov.testing.fixtures` has them as pytest fixtures, and `asimov.testing.suite` has a base class
with a test for each contract of a pipeline. Only these two need pytest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asimov.testing.clock import Clock
    from asimov.testing.project import ScratchProject
    from asimov.testing.recording import RecordingScheduler, Submission
    from asimov.testing.temporary_entry_points import entry_points

__all__ = ["Clock", "RecordingScheduler", "ScratchProject", "Submission", "entry_points"]

_MODULES = {
    "Clock": "clock",
    "RecordingScheduler": "recording",
    "ScratchProject": "project",
    "Submission": "recording",
    "entry_points": "temporary_entry_points",
}


def __getattr__(name: str) -> Any:
    """Import a tool where it is used: a check starts processes that need none of them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
