"""A clock in control: asimov's timestamps and pauses go by it, and nothing else does."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from asimov.system import clock
from asimov.testing import Clock

ROOT = Path(__file__).parents[2] / "asimov"
#: The time of day, by whatever name.
READINGS = {
    "time.time", "time.time_ns", "time.gmtime", "time.localtime",
    "datetime.now", "datetime.utcnow", "datetime.datetime.now", "datetime.today", "date.today",
}  # fmt: skip
#: What reads the time of day itself: other processes hold leases and locks, too; files have the
#: times of the day; a job's times are its scheduler's; the
#: last two are for people and for names of copies.
LEFT_ALONE = {
    "asimov.compat.names.review",
    "asimov.compat.names.telemetry",
    "asimov.engine.lease",
    "asimov.engine.notifications.sender",
    "asimov.engine.repair.repair",
    "asimov.engine.staleness.verdicts",
    "asimov.journal.leases",
    "asimov.journal.snapshot",
    "asimov.ledger.store",
    "asimov.project.git.locks",
    "asimov.system.clock",
    "asimov.system.kept_files",
    "asimov.testing.clock",
}


def test_no_module_stamps_time_past_the_clock() -> None:
    reads = set()
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        if name.startswith("asimov.scheduler."):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in READINGS:
                reads.add(name)
            # No module takes them by another name.
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                assert not {f"time.{each.name}" for each in node.names} & READINGS, name
    assert reads == LEFT_ALONE


def test_it_stands_still_until_it_is_moved_on() -> None:
    mine = Clock(100.0)
    first, second = mine.time(), mine.time()
    assert 100 < first < second < 100.001
    mine.advance(50)
    assert 150 < mine.time() < 150.001


def test_python_keeps_its_time() -> None:
    with Clock(100.0).in_control():
        assert time.time() > 1e9
        assert 100 < clock.now() < 101
        assert clock.iso() == "1970-01-01T00:01:40Z"
    assert clock.now() > 1e9


def test_the_time_of_day_is_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), Clock(100.0).in_control():
        raise ValueError("inside")
    assert clock.now() > 1e9
