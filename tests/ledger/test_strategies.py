"""Strategies: one blueprint for many analyses."""

from __future__ import annotations

import pytest

from asimov.errors import AsimovError
from asimov.ledger.strategies import expand


def test_without_a_strategy_it_stands_for_itself():
    assert expand({"name": "a", "x": 1}) == [{"name": "a", "x": 1}]
    assert expand({"name": "a", "strategy": {}}) == [{"name": "a"}]


def test_the_product_of_all_values_in_their_order():
    made = expand(
        {"name": "a-{w.x}-{y}", "w": {"k": 0}, "strategy": {"w.x": [1, "b"], "y": [True, 2.5]}}
    )
    assert made == [
        {"name": "a-1-true", "w": {"k": 0, "x": 1}, "y": True},
        {"name": "a-1-2.5", "w": {"k": 0, "x": 1}, "y": 2.5},
        {"name": "a-b-true", "w": {"k": 0, "x": "b"}, "y": True},
        {"name": "a-b-2.5", "w": {"k": 0, "x": "b"}, "y": 2.5},
    ]


def test_the_analyses_share_nothing():
    shared = {"k": [1]}
    one, two = expand({"name": "a{x}", "s": shared, "strategy": {"x": [1, 2], "y": [shared]}})
    one["s"]["k"].append(2)
    one["y"]["k"].append(3)
    assert two["s"] == two["y"] == shared == {"k": [1]}


@pytest.mark.parametrize(
    ("name", "strategy", "said"),
    [
        ("a", {"x": [1, 2]}, "the strategy gives several analyses the same name"),
        ("a{x}", {"x": [1, 1]}, "the strategy gives several analyses the same name"),
        ("a{x}{y}", {"x": [1]}, "the name contains {y}, which the strategy does not vary"),
        ("a{x}", {"x": []}, "the strategy has no values for 'x'"),
        (
            "a{n.x}",
            {"n.x": [1, 2]},
            "path of the strategy goes through 'n', which is not a mapping",
        ),
        ("a{name}", {"name": ["b"]}, "a strategy can't vary 'name'"),
        ("a{event}", {"event": ["b"]}, "a strategy can't vary 'event'"),
        ("a{subject}", {"subject": ["b"]}, "a strategy can't vary 'subject'"),
        ("a", {"x..y": [1]}, "a strategy can't vary 'x..y'"),
        ("a", {"": [1]}, "a strategy can't vary ''"),
        ("a", {key: list(range(10)) for key in "pqrstuvwxyz"}, "makes 100000000000 analyses"),
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused(name, strategy, said):
    with pytest.raises(AsimovError) as told:
        expand({"name": name, "n": 5, "strategy": strategy})
    assert said in str(told.value)


def test_the_hint_has_the_name_that_would_do():
    with pytest.raises(AsimovError) as told:
        expand({"name": "a-{x}", "strategy": {"x": [1, 2], "y": [1, 2]}})
    assert told.value.hint.endswith("a-{x}-{y}")
