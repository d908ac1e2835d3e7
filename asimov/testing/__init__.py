"""For the tests of whoever writes a plugin: scratch projects, a recording scheduler, time.

pytest fixtures of the same are in `asimov.testing.fixtures`, and a base class with a test for each
contract of a pipeline in `asimov.testing.suite`; only these two need pytest.
"""

from asimov.testing.clock import Clock
from asimov.testing.project import ScratchProject
from asimov.testing.recording import RecordingScheduler, Submission
from asimov.testing.temporary_entry_points import entry_points

__all__ = ["Clock", "RecordingScheduler", "ScratchProject", "Submission", "entry_points"]
