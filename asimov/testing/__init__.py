"""Tools for testing plugins: scratch projects, a recording scheduler, a clock, entry points.

`asimov.testing.fixtures` has them as pytest fixtures, and `asimov.testing.suite` has a base class
with a test for each contract of a pipeline. Only these two need pytest.
"""

from asimov.testing.clock import Clock
from asimov.testing.project import ScratchProject
from asimov.testing.recording import RecordingScheduler, Submission
from asimov.testing.temporary_entry_points import entry_points

__all__ = ["Clock", "RecordingScheduler", "ScratchProject", "Submission", "entry_points"]
