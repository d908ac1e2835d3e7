"""Which names are surely misspelt, and which a person may have chosen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from asimov.ledger.spelling import names
from asimov.ledger.spelling.slips import slip

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


def test_no_key_of_an_example_or_a_page_is_taken_for_a_slip():
    top, looked = Path(__file__).parents[3], 0
    for path in (*top.glob("ledger-examples/**/*.y*ml"), *top.glob("docs/*.md")):
        text = path.read_text()
        blocks = [text] if path.suffix != ".md" else re.findall(r"```yaml\n(.*?)```", text, re.S)
        for document in (each for block in blocks for each in yaml.safe_load_all(block)):
            if not isinstance(document, dict) or "kind" not in document:
                continue
            looked += 1
            for analysis in (document, *(document.get("analyses") or ())):
                for key in analysis if isinstance(analysis, dict) else ():
                    known = names.OF_PROJECT | names.OF_SUBJECT | names.OF_ANALYSIS
                    assert slip(key, known | names.OF_PROJECT_ANALYSIS) is None, (path, key)
    assert looked > 50
