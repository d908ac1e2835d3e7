"""The protocol under kills and under malformed requests."""

from __future__ import annotations

import json
import random
import signal
import urllib.parse
import urllib.request
from pathlib import Path

from starlette.testclient import TestClient

from tests.searching import LONGER
from tests.server.conftest import Service
from tests.server.test_malformed import HEADERS, WORDS

#: What a form has in a field: also what no file, no ledger and no database likes.
VALUES = [
    *WORDS, "\0", "\x7f\x1b[31m", "\ud800", "\u2028", "\U0001f600", "on", "[1]", "[1,", "{}",
    "1e999", "{{ 7 * 7 }}", "- a\n- b", "!!python/object:os.system {}", "true", "NaN", "9" * 400,
]  # fmt: skip
PATHS = [
    "/plugins/", "/plugins/{}/", "/plugins/greeting@v0-1-0/{}", "/plugins/greeting@v0-1-0/process/",
    "/plugins/noise@v1-0/process/", "/plugins/shelf@v0-2-0/items/{}/",
    "/plugins/shelf@v0-2-0/items/", "/tasks/{}/", "/tasks/1/", "/tasks/1/steps/{}/",
    "/tasks/1/steps/{}/ui/", "/tasks/1/calls/{}/",
    "/files/{}/", "/files/1/",
]  # fmt: skip
FIELDS = ("inputStr", "times", "polite", "values", "contains", "unknown", "")


def request(rng):
    """Return a request: method, address, headers, body."""
    quoted = urllib.parse.quote(rng.choice(WORDS).encode(), safe="%") or "x"
    address = rng.choice(PATHS).replace("{}", quoted)
    if rng.random() < 0.5:
        name = rng.choice(["callback", "file-id", "contains", "x"])
        address += f"?{name}={urllib.parse.quote(rng.choice(WORDS), safe='%')}"
    headers = dict(rng.sample(HEADERS, rng.choice([0, 0, 1])))
    pairs = [(rng.choice(FIELDS), rng.choice(VALUES)) for _ in range(rng.randrange(4))]
    kind = rng.randrange(4)
    if kind == 0:
        order = {"command": rng.choice(["subscribe", 1]), "webhookHref": rng.choice(VALUES)}
        body = json.dumps(order).encode()
    elif kind == 1:
        headers["Content-Type"] = rng.choice(
            ["multipart/form-data; boundary=x", "multipart/form-data"]
        )
        body = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode(
                "utf-8", "surrogatepass"
            )
            for name, value in pairs
        )
    else:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        body = urllib.parse.urlencode(
            [(name, value.encode("utf-8", "surrogatepass")) for name, value in pairs]
        ).encode()
    return rng.choice(["GET", "POST", "POST", "DELETE", "PUT"]), address, headers, body


def test_nothing_that_is_malformed_breaks_the_protocol(runner):
    rng = random.Random(7)
    client = TestClient(runner.client.app, "http://127.0.0.1:8642", client=("127.0.0.1", 50000),
                        follow_redirects=False)  # fmt: skip
    client.portal = runner.client.portal
    for _ in range(round(150 * LONGER)):
        method, address, headers, body = request(rng)
        answer = client.request(method, address, headers=headers, content=body)
        what = f"{method} {address} {headers} {body[:200]!r}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500, what
        # A field that no program can be passed is refused by its name.
        assert (method, address[-9:], answer.status_code) != ("POST", "/process/", 409), what
        assert "Traceback" not in answer.text or answer.status_code == 200, what
    assert runner.get("/plugins/")["plugins"]


def test_a_service_that_is_killed_loses_no_task_and_no_call(runner, receiver):
    """Upstream tries 3 times; ours delivers at least once: also over kills of the service."""
    root, started = Path(runner.root), []
    rng = random.Random(3)
    for turn in range(round(2 * LONGER)):
        service = Service(root)
        for number in range(3):
            hook = f"{receiver.address}/killed/{turn}-{number}"
            query = urllib.parse.urlencode({"callback": hook})
            form = urllib.parse.urlencode({"inputStr": f"n{number}", "times": 2}).encode()
            address = f"{service.address}/plugins/greeting@v0-1-0/process/?{query}"
            with urllib.request.urlopen(address, form) as answer:
                started.append((urllib.parse.urlsplit(answer.geturl()).path, hook))
        if rng.random() < 0.5:
            runner.until(started[-1][0])
        service.process.send_signal(signal.SIGKILL)
        service.process.communicate()
    for path, hook in started:
        assert runner.until(path)["status"] == "SUCCESS"
        receiver.until(urllib.parse.urlsplit(hook).path, lambda found: "status" in found)
