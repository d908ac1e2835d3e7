"""Pages of a list that changes between them: it goes on where it was."""

from __future__ import annotations

import random

import pytest
from click.testing import CliRunner

from asimov.cli import cli
from asimov.server.api.paging import Page
from asimov.server.faults import FaultError
from tests.server.conftest import made, writing

NAMES = [f"n{number}" for number in range(40)]


def following(after, items, whole=None, limit=5):
    """Return a page, and what the next one comes after."""
    shown, more = Page(limit, after or "").of(items, str, whole)
    return items[shown.start : shown.stop], more


def test_pages_are_the_whole_list_once():
    for limit in (1, 3, 40, 100):
        found, more = following(None, NAMES, limit=limit)
        while more is not None:
            page, more = following(more, NAMES, limit=limit)
            found = found + page
        assert found == NAMES


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_removed_or_added_nothing_that_stays_is_missed(seed):
    rng = random.Random(seed)
    items, found, more, new = list(NAMES), [], "", 0
    while more is not None:
        page, more = following(more, items)
        found += page
        for _ in range(rng.randrange(4)):  # fewer than there are marks beside the last
            items.remove(rng.choice(items))
        if page and page[-1] in items and rng.random() < 0.7:
            items.remove(page[-1])
        items.insert(rng.randrange(len(items) + 1), f"new{new}")
        new += 1
    stayed = [each for each in items if each in NAMES]
    assert [each for each in found if each in stayed] == stayed  # once each, in their order


def test_a_long_stretch_that_is_removed_gives_items_again_and_misses_none():
    page, more = following(None, NAMES, limit=30)
    left = [*NAMES[:7], *NAMES[35:]]
    rest, _ = following(more, left, limit=40)
    assert rest[-5:] == NAMES[35:]
    assert set(rest[:-5]) <= set(NAMES[:7])
    assert following(more, NAMES[38:], limit=40)[0] == NAMES[38:]
    assert page == NAMES[:30]


def test_of_a_choice_the_place_is_that_in_the_whole():
    even = NAMES[::2]
    page, more = following(None, even, NAMES)
    assert page == ["n0", "n2", "n4", "n6", "n8"]
    # What was chosen is not any more, and other items are.
    odd = NAMES[1::2]
    assert following(more, odd, NAMES)[0][0] == "n9"
    whole = [each for each in NAMES if each not in {"n8", "n7", "n6"}]
    assert following(more, [each for each in even if each in whole], whole)[0][0] == "n10"
    assert following(more, [], NAMES) == ([], None)


@pytest.mark.parametrize("after", ["x", "n1;x", "n1;123", "x;n1"])
def test_what_is_no_item_and_no_place_is_refused(after):
    with pytest.raises(FaultError, match="in the list"):
        following(after, NAMES)


def test_a_list_of_analyses_goes_on_after_one_that_left_it(tmp_path):
    """It was removed, or is not in the state any more that the list is about."""
    root = made(tmp_path / "project")
    with writing(root) as client:

        def page(after=None, **query):
            given = {"limit": 1, **query, **({"after": after} if after else {})}
            answer = client.get("/v1/analyses", params=given)
            assert answer.status_code == 200, answer.text
            found = answer.json()
            return [each["name"] for each in found["items"]], found["next"]

        assert page()[0] == ["first"]
        names, more = page(page()[1])
        assert names == ["second"]
        ready, then = page(state="ready")
        assert ready == ["second"]
        action = {"action": "set", "analyses": ["s/second"], "status": "wait"}
        assert client.post("/v1/actions", json=action).status_code == 200
        assert page(then, state="ready")[0] == ["other"]
        remove = ["--project", str(root), "rm", "s/second", "--yes"]
        ran = CliRunner().invoke(cli, remove, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        assert page(more) == (["other"], None)
        assert page(then, state="ready")[0] == ["other"]
