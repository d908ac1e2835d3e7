"""What every request has to pass, and what every answer has."""

from __future__ import annotations

import asyncio

import pytest

from asimov.server.admission.guard import Guard
from asimov.server.admission.policy import Policy
from asimov.server.options import Options


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8642", "localhost", "LOCALHOST:1", "[::1]:8642", "192.168.1.2"]
)
def test_the_service_answers_to_addresses_and_to_its_names(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io:8642", 421),
        ("", 400),
        ("a b", 400),
        ("x@localhost", 400),
        ("localhost/x", 400),
        ("localhost:port", 400),
    ],
)
def test_a_name_that_others_can_point_here_is_refused(client, host, status):
    assert client.get("/healthz", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://127.0.0.1:8642"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://127.0.0.1:8643"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_pages_of_other_sites_get_nothing(client, headers, status):
    assert client.get("/v1/subjects", headers=headers).status_code == status


@pytest.mark.parametrize("address", ["/v1/subjects", "/nothing", "/metrics", "/v1/subjects/x"])
def test_every_answer_forbids_browsers_to_make_something_of_it(client, address):
    headers = client.get(address).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("length", [str(Policy.largest + 1), "9" * 30, "-1", "x"])
def test_a_body_that_is_too_large_is_not_read(client, keys, length):
    headers = {"Content-Length": length, "Authorization": f"Bearer {keys['full']}"}
    answer = client.post("/v1/subjects", content=b"x", headers=headers)
    assert answer.status_code == 413


def test_another_method_is_refused_with_those_there_are(client, keys):
    answer = client.delete("/v1/subjects", headers={"Authorization": f"Bearer {keys['full']}"})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_request_that_the_end_of_the_service_cuts_off_is_to_be_sent_again(tmp_path):
    """503 and no traceback: clients ask the next service."""
    sent = []

    async def hangs(scope, receive, send):
        await asyncio.sleep(600)

    async def send(message):
        sent.append(message)

    async def ask():
        guard = Guard(hangs, Options(tmp_path), frozenset({"/healthz"}))
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/healthz",
            "headers": [(b"host", b"[::1]")],
        }
        task = asyncio.create_task(guard(scope, asyncio.sleep, send))
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(ask())
    begin, body = sent
    assert begin["status"] == 503
    assert dict(begin["headers"])[b"retry-after"] == b"2"
    assert b"the service is shutting down" in body["body"]
