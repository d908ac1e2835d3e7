"""Fixtures for tests of pipelines."""

from tests.lab import lab

__all__ = ["lab"]
