"""Fixtures for tests of supervised commands."""

from tests.lab import everything, lab, simple

__all__ = ["everything", "lab", "simple"]
