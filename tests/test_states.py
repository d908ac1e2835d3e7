"""The table of states and transitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.states import ALIASES, STATES, TRANSITIONS, allowed, reachable

PAGE = Path(__file__).parents[1] / "docs" / "states.md"
ACTORS = {"submit", "monitor", "cancel", "person"}


def rows(text, headings):
    """Return the rows of the Markdown table with some headings."""
    lines = iter(text.splitlines())
    for line in lines:
        if [cell.strip() for cell in line.strip().strip("|").split("|")] == headings:
            next(lines)
            break
    else:
        raise AssertionError(f"no table {headings}")
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip(" `") for cell in line.strip().strip("|").split("|")])
    return found


def test_every_transition_is_between_states_by_somebody_for_a_reason():
    for each in TRANSITIONS:
        assert each.before in STATES
        assert each.after in STATES
        assert each.before != each.after
        assert each.actor in ACTORS
        assert each.when


def test_no_transition_stands_there_twice():
    ways = [(each.before, each.after, each.actor) for each in TRANSITIONS]
    assert len(set(ways)) == len(ways)


def test_every_state_can_be_reached_from_ready():
    reached, todo = {"ready"}, ["ready"]
    while todo:
        here = todo.pop()
        for each in TRANSITIONS:
            if each.before == here and each.after not in reached:
                reached.add(each.after)
                todo.append(each.after)
    assert reached == set(STATES)


@pytest.mark.parametrize("name", STATES)
def test_no_state_is_a_dead_end_for_a_person(name):
    assert reachable(name, "person")


@pytest.mark.parametrize("name", STATES)
def test_what_may_have_a_job_is_left_by_the_monitor(name):
    assert not STATES[name].active or any(
        each.before == name and each.actor == "monitor" for each in TRANSITIONS
    )


def test_nothing_is_done_and_in_the_way_at_once():
    for state in STATES.values():
        assert not (state.done and (state.blocks or state.active))
        assert state.meaning


def test_older_words_mean_states():
    assert set(ALIASES.values()) <= set(STATES)
    assert not set(ALIASES) & set(STATES)


def test_the_functions_say_what_the_table_says():
    for before in STATES:
        for actor in ACTORS:
            able = reachable(before, actor)
            assert able == [
                each.after for each in TRANSITIONS if (each.before, each.actor) == (before, actor)
            ]
            assert all(allowed(before, after, actor) == (after in able) for after in STATES)


def test_the_page_shows_the_same_table():
    shown = rows(PAGE.read_text(), ["before", "after", "actor", "when"])
    assert shown == [[each.before, each.after, each.actor, each.when] for each in TRANSITIONS]


def test_the_page_explains_every_state():
    text = PAGE.read_text()
    for state in STATES.values():
        assert state.name in text
        assert state.meaning in text
