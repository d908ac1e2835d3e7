"""What published packages rely on is tried in the same project as the engine."""

from tests.lab import everything, lab, simple

__all__ = ["everything", "lab", "simple"]
