"""What a review is, in the forms in which it is met."""

from __future__ import annotations

import pytest

from asimov.errors import AsimovError
from asimov.ledger.reviews import added, messages, named, outcome, withdrawn

OLD = [
    {"message": "a", "status": "APPROVED", "timestamp": "2024-01-01 00:00:00"},
    {"message": "b", "status": None, "timestamp": "2024-01-02 00:00:00"},
]


@pytest.mark.parametrize(
    ("review", "status"),
    [
        (None, None),
        ({}, None),
        ([], None),
        ("Approved", "approved"),
        ({"status": "APPROVED"}, "approved"),
        ({"status": None, "messages": OLD}, None),
        (OLD, "approved"),
        ([*OLD, {"status": "rejected"}], "rejected"),
        ([3, None], None),
        (3, "3"),
    ],
)
def test_what_a_review_has_come_to(review, status):
    assert outcome(review) == status


def test_a_message_is_added_to_what_was_said_in_either_form():
    one = added(OLD, "c", None, "ada", "2026-01-01T00:00:00Z")
    assert one["status"] == "approved"
    assert [each["message"] for each in one["messages"]] == ["a", "b", "c"]
    two = added(one, None, "rejected", "bob", "2026-01-02T00:00:00Z")
    assert two["status"] == "rejected"
    assert two["messages"][-1] == {
        "message": None,
        "status": "rejected",
        "timestamp": "2026-01-02T00:00:00Z",
        "by": "bob",
    }
    assert len(one["messages"]) == 3


def test_withdrawn_it_has_come_to_nothing_and_what_was_said_stays():
    assert withdrawn(OLD) == {"status": None, "messages": OLD}
    assert outcome(withdrawn(OLD)) is None
    assert messages("nothing") == []


def test_the_names_of_what_it_can_come_to():
    assert named("PREFERRED") == "preferred"
    with pytest.raises(AsimovError, match="did you mean 'deprecated'"):
        named("depricated")
