"""Times as options: some time ago, a day, an ISO time."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import click
import pytest

from asimov.cli.terminal.moment import Moment
from asimov.system import clock

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=timezone.utc).timestamp()


@pytest.fixture(autouse=True)
def in_another_zone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC-2")  # POSIX: two hours ahead of UTC
    time.tzset()
    with clock.replaced(lambda: NOW):
        yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("given", "iso"),
    [
        ("90s", "2026-03-10T15:28:30Z"),
        ("1.5h", "2026-03-10T14:00:00Z"),
        ("2D", "2026-03-08T15:30:00Z"),
        ("1w", "2026-03-03T15:30:00Z"),
        ("today", "2026-03-09T22:00:00Z"),
        ("yesterday", "2026-03-08T22:00:00Z"),
        ("2026-03-01", "2026-02-28T22:00:00Z"),
        ("2026-03-01T12:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00Z"),
    ],
)
def test_a_time(given: str, iso: str) -> None:
    assert clock.iso(Moment().convert(given, None, None)) == iso


@pytest.mark.parametrize("given", ["", "soon", "2", "2y", "-2d", "2026-13-01", "9" * 400])
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time"):
        Moment().convert(given, None, None)
