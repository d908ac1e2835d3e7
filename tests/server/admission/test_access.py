"""Who may read and write: keys, this machine, proxies, and how often."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest

from asimov.journal.access_keys import AccessKeys
from asimov.project.workspace import Workspace
from asimov.server.admission import access
from asimov.server.admission.access import Access, Caller
from tests.server.conftest import asking_from

ELSEWHERE = "192.0.2.7"


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_on_this_machine_anybody_may_read(client):
    for address in ("127.0.0.1", "127.8.9.1", "::1"):
        assert asking_from(client, address).get("/v1/subjects").status_code == 200


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        (ELSEWHERE, {}),
        ("127.0.0.1", {"X-Forwarded-For": ELSEWHERE}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),  # of a proxy that nobody knows
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("10.0.0.1", {"X-Forwarded-For": f"127.0.0.1, {ELSEWHERE}"}),
        ("10.0.0.1", {}),
    ],
)
@pytest.mark.parametrize("path", ["/v1/subjects", "/metrics", "/openapi.json", "/nothing"])
def test_reading_from_elsewhere_needs_a_key(client, keys, address, headers, path):
    answer = asking_from(client, address).get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="asimov"'
    assert "needs a key" in answer.json()["detail"]
    with_key = {**headers, **bearer(keys["reader"])}
    assert asking_from(client, address).get(path, headers=with_key).status_code != 401


def test_a_known_proxy_is_believed(client):
    proxy = asking_from(client, "10.0.0.1")
    assert proxy.get("/v1/subjects", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 200


@pytest.mark.parametrize(
    "given", ["Bearer x", "Bearer ", "Bearer", "Basic {full}", "{full}", "Bearer {old}", "Bearer ä"]
)
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.8"])
def test_a_key_that_is_given_has_to_be_right(client, keys, address, given):
    headers = {"Authorization": given.format(**keys).encode()}
    assert asking_from(client, address).get("/v1/subjects", headers=headers).status_code == 401


def test_changes_need_a_key_that_may_write(client, keys):
    assert client.post("/v1/subjects").status_code == 401
    refused = client.post("/v1/subjects", headers=bearer(keys["reader"]))
    assert (refused.status_code, refused.json()["detail"]) == (403, "the key reader may only read")
    assert client.post("/v1/subjects", headers=bearer(keys["full"])).status_code == 405


def test_a_key_makes_so_many_requests_a_minute(client, keys):
    answers = [client.get("/v1/subjects", headers=bearer(keys["slow"])) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 30
    assert answers[-1].json()["detail"] == "more than 2 requests a minute"
    assert client.get("/v1/subjects", headers=bearer(keys["full"])).status_code == 200


def test_who_has_no_key_can_not_try_many(client):
    stranger = asking_from(client, "192.0.2.9")
    codes = []
    while 429 not in codes and len(codes) < 1000:  # some are forgiven while these are answered
        codes.append(stranger.get("/v1/subjects").status_code)
    assert len(codes) > 60
    assert {*codes[:-1]} == {401}
    assert codes[-1] == 429


def test_whether_the_service_is_well_is_no_secret(client):
    assert asking_from(client, ELSEWHERE).get("/healthz").status_code == 200


def test_new_keys_work_at_once_and_revoked_ones_no_more(client, served):
    keys = AccessKeys(Workspace.open(served).journal)
    key = keys.add("short", "ada")

    assert client.get("/v1/subjects", headers=bearer(key)).status_code == 200
    while next(each.used for each in keys.all() if each.name == "short") is None:
        time.sleep(0.05)  # recorded, but nobody waits for that
    keys.revoke("short")
    end = time.monotonic() + 60
    while client.get("/v1/subjects", headers=bearer(key)).status_code != 401:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def now(monkeypatch):
    """Return the time that the keys' age goes by, in a list."""
    found = [100.0]
    monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: found[0]))
    return found


def test_keys_are_as_old_as_the_question_however_long_the_answer_takes(now):
    answers = [[SimpleNamespace(name="ada")], []]  # revoked once the first one was on its way

    async def ask(name):
        now[0] += access._KNOWN * 2
        return answers.pop(0)

    async def look():
        made, backend = Access(()), SimpleNamespace(ask=ask)
        return [await made.may_go_on(backend, Caller("ada")) for _ in range(2)]

    assert asyncio.run(look()) == [True, False]


def test_an_answer_that_comes_late_brings_no_revoked_key_back(now):
    async def look():
        made, slow, asked = Access(()), asyncio.Event(), []

        async def ask(name):
            asked.append(name)
            now[0] += access._KNOWN * 2
            if len(asked) > 1:
                return []
            await slow.wait()
            return [SimpleNamespace(name="ada")]

        backend = SimpleNamespace(ask=ask)
        early = asyncio.create_task(made.may_go_on(backend, Caller("ada")))
        await asyncio.sleep(0)
        found = [await made.may_go_on(backend, Caller("ada"))]
        slow.set()
        found.append(await early)
        now[0] -= access._KNOWN
        return [*found, await made.may_go_on(backend, Caller("ada"))], asked

    assert asyncio.run(look()) == ([False] * 3, ["access_keys"] * 2)
