"""Malformed requests: no error of ours, no traceback, and no change."""

from __future__ import annotations

import random
import re
import socket
import subprocess
from contextlib import closing
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from starlette.testclient import TestClient

from asimov.project.workspace import Workspace
from asimov.server.app import ROUTES, application
from asimov.server.options import Options
from tests.conftest import snapshot
from tests.searching import LONGER
from tests.server.conftest import made, new_key, tracebacks

WORDS = [
    *("s", "t", "first", "second", "x", "", ".", "..", "../..", "%2e%2e", "%00", "%ff", "a" * 3000),
    *("*", "[", "[!", "s/first", "-1", "0", "99999999999999999999", "1e5", "true", "null", "NaN"),
    *("1970-01-01", "9999999d", "quality >=", "label: >= <", "\u202e", "\U0001f300", "'", '"'),
]
BODIES = [
    "", "{", "[]", "null", "1", '""', '{"action": "restart"}', "\x00", "a: [", "- - - -", "? ?",
    '{"action": "restart", "analyses": ["s/x"]}', '{"action": "set", "analyses": ["s/first"]}',
    '{"action": "stop", "analyses": ["s/first/first"], "reason": "x"}', "kind: subject",
    "kind: analysis\nname: ../x", "kind: subject\nname: [1, 2]", "!!python/object:os.system {}",
    "kind: subject\nname: {a: b}", "a" * 5000, "[" * 5000, "&a [*a]", "kind: 1e999", "---\n---\n",
    "kind: analysis\nsubject: s\nname: first\npipeline: nothing", "{kind: subject, name: \ud7ff}",
]  # fmt: skip
HEADERS = [
    ("Accept", "*/*"), ("Range", "bytes=5-2"), ("Range", "bytes=a-"), ("Range", "lines=1-2"),
    ("If-None-Match", '"'), ("If-Range", "x"), ("Last-Event-ID", "-5"), ("Idempotency-Key", "k"),
    ("Content-Type", "multipart/form-data"), ("Accept-Encoding", "x"), ("Origin", "//"),
    ("Origin", "http://["), ("Host", "["), ("Host", "127.0.0.1:99999999"), ("Expect", "x"),
    ("Authorization", "Bearer"), ("Authorization", "Digest x=y"), ("X-Forwarded-For", "x,,"),
]  # fmt: skip

#: How many requests are made.
MANY = round(250 * LONGER)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("malformed") / "project")


def state(root):
    """Return what must not change: the files but for logs, the states, and the events."""
    with closing(Workspace.open(root, reading=True).journal) as journal:
        return snapshot(root), journal.records(), journal.rows("SELECT max(id) FROM events")


def one(rng, key):
    """Return a request: method, address, headers, body."""
    route = rng.choice([each for each in ROUTES if not each.path.endswith("/stream")])
    parts = [rng.choice(WORDS) if part.startswith("{") else part for part in route.path.split("/")]
    names = [each.name for each in route.query] + ["x", ""]
    query = "&".join(f"{rng.choice(names)}={rng.choice(WORDS)}" for _ in range(rng.randrange(4)))
    method = route.method if rng.random() < 0.9 else rng.choice(["PUT", "PATCH", "OPTIONS", "X"])
    headers = {"Authorization": f"Bearer {key}"}
    if method == "POST":
        headers["Content-Type"] = rng.choice(["application/json", "application/yaml"])
    headers.update(rng.sample(HEADERS, rng.choice([0, 0, 1, 2])))
    address = "/".join(parts) + (f"?{query}" if query else "")
    return method, address, headers, rng.choice(BODIES).encode("utf-8", "surrogatepass")


def test_nothing_that_is_malformed_breaks_the_service_or_changes_anything(root):
    key = new_key(root, "fuzz", rate=1_000_000)
    before = state(root)
    rng = random.Random(13)
    seen = set()
    with TestClient(application(Options(root)), "http://127.0.0.1:8642") as client:
        for _ in range(MANY):
            method, address, headers, body = one(rng, key)
            answer = client.request(method, address, headers=headers, content=body)
            what = f"{method} {address} {headers} {body[:80]!r}: {answer.text}"
            seen.add(answer.status_code)
            assert answer.status_code < 500, what
            assert "Traceback" not in answer.text, what
            if answer.status_code >= 400 and answer.content and method != "HEAD":
                kind = answer.headers["content-type"]
                assert kind == "application/problem+json" or answer.status_code in {400, 416}, what
        assert client.get("/healthz").status_code == 200
    print(f"\n{MANY} malformed requests, statuses {sorted(seen)}")
    assert not tracebacks(root)
    files, *journal = state(root)
    # The files first, by name: a difference in whole contents is cut short where it is told.
    changed = [
        name for name in files.keys() | before[0].keys() if files.get(name) != before[0].get(name)
    ]
    assert not changed, {name: (before[0].get(name), files.get(name)) for name in changed}
    assert journal == list(before[1:])


def test_what_libraries_say_of_malformed_requests_goes_to_the_log(tmp_path, serve):
    root = made(tmp_path / "project")
    service = serve(root, stderr=subprocess.STDOUT)
    headers = {"API_KEY": new_key(root), "Content-Type": "multipart/form-data; boundary=b"}
    with pytest.raises(HTTPError, match="400"):
        urlopen(Request(f"{service.address}/api/dataset", b"no form --b--", headers), timeout=60)
    with socket.create_connection(("127.0.0.1", int(service.address.rpartition(":")[2]))) as raw:
        raw.sendall(b"\x01\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")
    assert service.end() == (0, "The service has stopped; jobs keep running\n")
    lines = (root / "logs" / "asimov.log").read_text().splitlines()
    for each in ("python_multipart.multipart: Expected boundary", "uvicorn.error: Invalid HTTP"):
        assert any(re.match(rf"\d{{4}}-\d\d-\d\d \S+ WARNING {each}", line) for line in lines), (
            lines
        )
