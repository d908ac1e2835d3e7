"""Fixtures of tests of the pipelines' contract."""

from tests.lab import lab

__all__ = ["lab"]
