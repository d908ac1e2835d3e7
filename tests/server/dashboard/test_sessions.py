"""Browsers of other machines: they show a key once, and may read, and nothing else."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from asimov.server.dashboard import sessions
from asimov.server.dashboard.sessions import COOKIE, Sessions
from tests.server.conftest import asking_from

ELSEWHERE = "192.0.2.44"


@pytest.fixture
def cookie(client, keys):
    """Return the cookie of a browser that showed a key that may only read."""
    browser = asking_from(client, ELSEWHERE, Authorization=f"Bearer {keys['reader']}")
    answer = browser.get("/key")
    assert answer.status_code == 204
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert keys["reader"].lower() not in said
    return f"{COOKIE}={answer.cookies[COOKIE]}"


def test_a_browser_that_showed_a_key_reads_and_changes_nothing(client, cookie):
    browser = asking_from(client, ELSEWHERE, Cookie=cookie)
    for address in ("/", "/v1/subjects", "/analyses/s/first"):
        assert browser.get(address).status_code == 200
    action = {"action": "cancel", "analyses": ["s/first"]}
    assert browser.post("/v1/actions", json=action).status_code == 401


@pytest.mark.parametrize("given", [f"{COOKIE}=x", f"{COOKIE}=", "x", f'{COOKIE}="', "\xff"])
def test_another_cookie_is_worth_nothing(client, given):
    browser = asking_from(client, ELSEWHERE)
    assert browser.get("/", headers={"Cookie": given.encode("latin-1")}).status_code == 401


def test_a_cookie_of_another_site_s_request_is_refused(client, cookie):
    browser = asking_from(client, ELSEWHERE, Cookie=cookie)
    assert browser.get("/", headers={"Origin": "https://evil.example"}).status_code == 403


def test_on_this_machine_no_cookie_is_needed_and_none_is_set(client):
    answer = client.get("/key")
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)


def test_a_session_ends_and_so_does_the_oldest_of_too_many(monkeypatch):
    known = Sessions()
    token = known.open("ada")
    assert known.key_of(f"{COOKIE}={token}") == "ada"
    later = time.monotonic() + sessions.LASTS + 1
    # Not time.monotonic itself, by which the service of other tests plans what it does next.
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: later))
    assert known.key_of(f"{COOKIE}={token}") is None
    monkeypatch.undo()
    monkeypatch.setattr(sessions, "_MOST", 1)
    known.open("eve")
    assert known.key_of(f"{COOKIE}={token}") is None
