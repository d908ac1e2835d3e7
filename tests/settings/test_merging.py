"""Laying settings over each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asimov.settings.merging import copied, difference, lay_over, leaves, merge, origins

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", 1.0, 0.0])
keys = st.sampled_from(["a", "b", "c", 1])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
settings = st.dictionaries(keys, values, max_size=4)


def alike(one, other):
    """Compare as YAML would: 1, 1.0 and true are three values."""
    return repr(one) == repr(other)


def holds(whole, part):
    """Say whether every key of one mapping is in the other with its value."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    return alike(whole, part) or (whole == part and isinstance(whole, list))


def test_mappings_merge_and_all_else_replaces():
    layers = [{"a": {"x": 1, "y": [1, 2]}, "b": 1}, {"a": {"y": [3]}, "b": {"z": 1}}, {"c": None}]
    assert merge(layers) == {"a": {"x": 1, "y": [3]}, "b": {"z": 1}, "c": None}
    assert merge([{"a": {"x": 1}}, {"a": None}]) == {"a": None}
    assert merge([{"a": {"x": 1}}, {"a": {}}]) == {"a": {"x": 1}}
    assert merge([]) == {}


@given(st.lists(settings, max_size=4))
def test_layers_can_be_laid_over_step_by_step_and_are_left_alone(layers):
    before = copied(layers)
    merged = merge(layers)
    assert alike(merged, merge([merge(layers[:2]), *layers[2:]]))
    lay_over(merged, {"a": {"new": 1}, "b": {"new": 1}})
    assert alike(layers, before)


@given(settings)
def test_merging_nothing_changes_nothing(one):
    assert alike(merge([one, {}]), one)
    assert alike(merge([{}, one]), one)
    assert alike(merge([one, one]), one)


@given(settings, settings)
def test_laying_the_difference_over_gives_every_key(before, after):
    written = difference(before, after)
    assert holds(merge([before, written]), after)
    assert difference(merge([before, written]), after) == {}


@given(settings)
def test_there_is_no_difference_to_itself(one):
    assert difference(one, copied(one)) == {}


def test_a_difference_is_only_what_changed():
    before = {"a": {"x": 1, "y": 2}, "b": [1], "c": 1, "gone": 1}
    after = {"a": {"x": 1, "y": 3}, "b": [1], "c": True, "d": {}}
    assert difference(before, after) == {"a": {"y": 3}, "c": True, "d": {}}


def test_the_difference_shares_nothing_with_what_it_is_of():
    after = {"a": [1]}
    difference({}, after)["a"].append(2)
    assert after == {"a": [1]}


def test_every_value_has_the_layer_that_set_it_last():
    layers = [
        ("low", {"a": {"x": 1, "y": 1}, "b": 1, "c": {"z": 1}, "e": {}}),
        ("high", {"a": {"y": 2}, "c": 5}),
    ]
    assert origins(layers) == {
        ("a", "x"): "low", ("a", "y"): "high", ("b",): "low", ("c",): "high", ("e",): "low",
    }  # fmt: skip


@given(st.lists(settings, max_size=3))
def test_every_value_has_an_origin_that_has_the_value(layers):
    named = [(str(number), layer) for number, layer in enumerate(layers)]
    found = origins(named)
    for path, value in leaves(merge(layers)):
        below = layers[int(found[path])]
        for key in path:
            below = below[key]
        assert alike(below, value)
    assert len(found) == len(list(leaves(merge(layers))))
