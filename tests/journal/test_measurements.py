"""Measurements of jobs' progress in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from asimov.journal.journal import Journal
from asimov.journal.measurements import Measurements, of_attempts, record


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield journal


def test_one_measurement_has_no_pace_and_two_have(journal: Journal) -> None:
    record(journal, "u", 0.2, "fit", 100.0)
    assert of_attempts(journal, "u")["u"].remaining(100.0) is None
    record(journal, "u", 0.4, "fit", 120.0)
    assert of_attempts(journal, "u")["u"].remaining(120.0) == pytest.approx(60)
    assert of_attempts(journal, "u")["u"].remaining(150.0) == pytest.approx(30)
    assert of_attempts(journal, "u")["u"].remaining(900.0) == 0


def test_the_same_again_writes_nothing(journal: Journal) -> None:
    record(journal, "u", 0.2, "fit", 100.0)
    with closing(Journal(journal.path)) as other:
        before = other.rows("PRAGMA data_version")
        record(journal, "u", 0.2, "fit", 110.0)
        assert other.rows("PRAGMA data_version") == before
        record(journal, "u", 0.2, "plot", 120.0)
        assert other.rows("PRAGMA data_version") != before


def test_a_job_that_begins_again_begins_its_pace_again(journal: Journal) -> None:
    for fraction, now in ((0.5, 100.0), (0.6, 110.0), (0.1, 200.0), (0.2, 210.0)):
        record(journal, "u", fraction, "", now)
    assert of_attempts(journal, "u")["u"] == Measurements(0.1, 200.0, 0.2, 210.0, "")
