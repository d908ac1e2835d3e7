"""Fixtures for tests of questions."""

from tests.lab import lab, simple

__all__ = ["lab", "simple"]
