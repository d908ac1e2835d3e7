"""Fixtures for tests of commands."""

from tests.lab import lab

__all__ = ["lab"]
