"""Fixtures for tests of keepers."""

from tests.lab import lab

__all__ = ["lab"]
