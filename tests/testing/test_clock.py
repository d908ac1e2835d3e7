"""A clock in control: asimov's timestamps and pauses go by it, and nothing else does."""

from __future__ import annotations

import ast
import time
from importlib import import_module
from pathlib import Path

from asimov.testing import Clock
from asimov.testing.clock import MODULES

ROOT = Path(__file__).parents[2] / "asimov"
ROOMS = ("engine", "journal", "ledger", "plugins", "project")
#: What reads the time of day and is left alone: other processes hold leases, too; files have the
#: times of the day; reports of a service's start are for people.
LEFT_ALONE = {
    "asimov.project.git.locks",
    "asimov.engine.lease",
    "asimov.engine.repair.rebuild",
    "asimov.engine.repair.repair",
    "asimov.engine.background",
    "asimov.journal.database",
    "asimov.journal.leases",
    "asimov.ledger.store",
}


def test_every_module_that_stamps_is_in_the_clocks_hand() -> None:
    reads = set()
    for path in [
        *ROOT.glob("*.py"),
        *(each for room in ROOMS for each in ROOT.joinpath(room).rglob("*.py")),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "time.time",
                "time.gmtime",
            }:
                parts = path.relative_to(ROOT.parent).with_suffix("").parts
                reads.add(".".join(parts))
    assert reads - LEFT_ALONE == {name for name in MODULES if "testing" not in name}


def test_it_stands_still_until_it_is_moved_on() -> None:
    clock = Clock(100.0)
    first, second = clock.time(), clock.time()
    assert 100 < first < second < 100.001
    clock.advance(50)
    assert 150 < clock.time() < 150.001


def test_python_keeps_its_time() -> None:
    modules = [import_module(name) for name in MODULES]
    with Clock(100.0).in_control():
        assert time.time() > 1e9
        assert modules[0].time.time() < 101
        assert modules[0].time.gmtime().tm_year == 1970
        assert modules[0].time.monotonic() <= time.monotonic()
    assert all(module.time is time for module in modules)
