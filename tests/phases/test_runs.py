"""Numbers of runs, and how runs are dealt to processes."""

from __future__ import annotations

import pytest

from asimov.errors import AsimovError
from asimov.phases.runs import dealt, numbers, ranges, with_data


def test_runs_are_dealt_by_size_to_and_fro():
    sizes = {1: 10, 2: 50, 3: 20, 5: 40, 7: 30}
    assert dealt(sizes, 2) == [[2, 3, 1], [5, 7]]
    assert dealt(sizes, 1) == [[2, 5, 7, 3, 1]]
    assert dealt(sizes, 3) == [[2], [5, 1], [7, 3]]


def test_runs_of_equal_size_are_dealt_by_number_and_empty_hands_are_left_out():
    assert dealt(dict.fromkeys((4, 2, 3, 1), 9), 2) == [[1, 4], [2, 3]]
    assert dealt({5: 1, 6: 1}, 4) == [[5], [6]]
    assert dealt({}, 4) == []


def test_missing_and_empty_runs_have_no_data(tmp_path, synthetic):
    synthetic.traces(tmp_path, {1: 3, 2: 0, 4: 1})
    assert with_data(tmp_path, range(6)) == {1: 3, 4: 1}


@pytest.mark.parametrize(
    ("given", "runs"),
    [("1-3, 7", [1, 2, 3, 7]), (7, [7]), ("3, 1, 3", [1, 3]), ([1, "4-5", "8,9"], [1, 4, 5, 8, 9])],
)
def test_lists_of_runs_are_read_and_written(given, runs):
    assert numbers(given) == runs
    assert numbers(ranges(runs)) == runs


@pytest.mark.parametrize(
    ("given", "said"),
    [("1-", "'1-' is neither"), ("a", "'a' is neither"), ("5-1", "5-1 is empty"),
     (-1, "'-1' is neither"), (True, "'True' is neither"), ("0-9999999", "more than"),
     (1.5, "'1.5' is")],
)  # fmt: skip
def test_what_is_no_list_of_runs_is_refused(given, said):
    with pytest.raises(AsimovError, match=said):
        numbers(given)
