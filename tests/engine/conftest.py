"""Fixtures for tests of the engine."""

from tests.lab import everything, lab, simple

__all__ = ["everything", "lab", "simple"]
