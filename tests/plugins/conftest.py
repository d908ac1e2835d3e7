"""Fixtures for tests of plugins."""

from tests.lab import everything, lab, simple

__all__ = ["everything", "lab", "simple"]
