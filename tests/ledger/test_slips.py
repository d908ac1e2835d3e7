"""Which names are surely misspelt, and which a person may have chosen."""

from __future__ import annotations

import pytest

from asimov.ledger.slips import slip

KNOWN = frozenset(
    {"needs", "executable", "arguments", "scheduler", "status", "first", "bilby-1", "seed", "runA"}
    | {"holds", "template", "max resurrections", "pipeline", "request_memory"}
)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("need", "needs"),
        ("Needs", "needs"),
        ("neds", "needs"),
        ("executible", "executable"),
        ("exectuible", "executable"),
        ("argumnts", "arguments"),
        ("argumnets", "arguments"),
        ("schedular", "scheduler"),
        ("templates", "template"),
        ("frist", "first"),
        ("max_resurrections", "max resurrections"),
        ("request memry", "request_memory"),
        ("pipline", "pipeline"),
    ],
)
def test_a_slip_of_the_finger_is_known_as_one(name, right):
    assert slip(name, KNOWN) == right


@pytest.mark.parametrize(
    "name",
    [
        *("needs", "seed"),  # known
        *("bilby-2", "bilby", "bilby-11"),  # another number
        *("speed", "stats", "holes", "last", "runB"),  # short
        *("feeds", "folds", "bead"),  # another first letter
        *("temperature", "samples", "data", "x", ""),
    ],
)
def test_a_name_that_a_person_may_have_chosen_is_no_slip(name):
    assert slip(name, KNOWN) is None
