"""Requests that are wrong in any way: refused in the protocol's shape, and nothing is changed."""

from __future__ import annotations

import json
import random
import urllib.parse
from contextlib import closing

import pytest
from starlette.testclient import TestClient

from asimov.project.workspace import Workspace
from tests.searching import LONGER
from tests.server.conftest import tracebacks
from tests.server.qhana.conftest import ADDRESS
from tests.server.test_malformed import HEADERS, WORDS

#: What a form has in a field: also what no file, no ledger and no database likes.
VALUES = [
    *WORDS, "\0", "\x7f\x1b[31m", "\ud800", "\u2028", "\U0001f600", "on", "[1]", "[1,", "{}",
    "1e999", "{{ 7 * 7 }}", "- a\n- b", "!!python/object:os.system {}", "true", "NaN", "9" * 400,
]  # fmt: skip
#: Addresses of forms, and a field of each that no value of it is right for.
FORMS = {
    "/plugins/greeting@v0-1-0/process/": "times",
    "/plugins/noise@v1-0/process/": "values",
    "/tasks/TASK/steps/STEP/": "lowestLevel",
}
PATHS = [
    "/plugins/", "/plugins/{}/", "/plugins/{}/ui/", "/plugins/{}/process/",
    "/plugins/greeting@v0-1-0/{}", "/plugins/shelf@v0-2-0/items/{}/",
    "/plugins/shelf@v0-2-0/items/", "/tasks/{}/", "/tasks/TASK/", "/tasks/TASK/steps/{}/",
    "/tasks/TASK/steps/{}/ui/", "/tasks/TASK/calls/{}/", "/tasks/{}/calls/1/",
    "/files/{}/", "/files/TASK/",
]  # fmt: skip
FIELDS = ["inputStr", "polite", "loudness", "contains", "unknown", ""]
#: How many requests are made.
MANY = round(250 * LONGER)


@pytest.fixture(scope="module")
def step(runner):
    """Return the address of a task that waits in a step, and that of the step."""
    task, address = runner.waiting()
    return address, task["steps"][0]["href"]


def state(root):
    """Return what must not change: ledger, tasks, questions, and the tracebacks in the log."""
    files = {each: each.read_bytes() for each in (root / "ledger").rglob("*.yaml")}
    with closing(Workspace.open(root, reading=True).journal) as journal:
        tasks = journal.rows("SELECT count(*), max(id) FROM tasks")
        questions = journal.rows("SELECT id, answered FROM questions")
    return files, tasks, questions, tracebacks(root)


def one(rng, task, step):
    """Return a request: method, address, headers, body. None is right, so none is to do a thing."""
    place = rng.choice([*PATHS, *FORMS])
    quoted = urllib.parse.quote(rng.choice(WORDS).encode(), safe="%") or "x"
    address = place.replace("{}", quoted).replace("TASK", task).replace("STEP", step)
    if rng.random() < 0.3:
        name = rng.choice(["callback", "file-id", "contains", "x"])
        address += f"?{name}={urllib.parse.quote(rng.choice(WORDS), safe='%')}"
    headers = dict(rng.sample(HEADERS, rng.choice([0, 0, 1])))
    pairs = [(rng.choice(FIELDS), rng.choice(VALUES)) for _ in range(rng.randrange(4))]
    if place in FORMS:
        pairs.insert(rng.randrange(len(pairs) + 1), (FORMS[place], "x"))
    kind = rng.randrange(4)
    if kind == 0:
        order = {"command": rng.choice(["subscribe", 1]), "webhookHref": rng.choice(VALUES)}
        body = json.dumps(order).encode()
    elif kind == 1:
        boundary = rng.choice(["; boundary=x", "; boundary=x", ""])
        headers["Content-Type"] = f"multipart/form-data{boundary}"
        end = rng.choice(["--x--\r\n", "--x--\r\n", ""])
        body = (
            "".join(
                f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in pairs
            ).encode("utf-8", "surrogatepass")
            + end.encode()
        )
    else:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        body = urllib.parse.urlencode(
            [(name, value.encode("utf-8", "surrogatepass")) for name, value in pairs]
        ).encode()
    method = rng.choice(["GET", "POST", "POST", "DELETE", "PUT"])
    return "POST" if place in FORMS else method, address, headers, body


def test_nothing_that_is_malformed_breaks_the_protocol(runner, step):
    number, its_step = step[0].split("/")[-2], step[1].split("/")[-2]
    before = state(runner.root)
    rng = random.Random(7)
    client = TestClient(runner.client.app, ADDRESS, client=("127.0.0.1", 50000),
                        follow_redirects=False)  # fmt: skip
    client.portal = runner.client.portal
    seen = set()
    for _ in range(MANY):
        method, address, headers, body = one(rng, number, its_step)
        answer = client.request(method, address, headers=headers, content=body)
        what = f"{method} {address} {headers} {body[:200]!r}: {answer.status_code} {answer.text}"
        seen.add(answer.status_code)
        assert answer.status_code < 500, what
        # A field that no program can be passed is refused by its name, and nothing has begun.
        assert (method, answer.status_code) not in {("POST", 303), ("POST", 409)}, what
        assert "Traceback" not in answer.text, what
        if answer.status_code == 422 and "/shelf@" not in address:  # whose own answer it is
            told = answer.json()
            assert (told["code"], told["status"]) == (422, "Unprocessable Entity"), what
            assert told["errors"], what
    print(f"\n{MANY} malformed requests, statuses {sorted(seen)}")
    assert {200, 404, 405, 415, 422} <= seen
    assert state(runner.root) == before
    assert runner.get("/plugins/")["plugins"]


def test_a_form_that_ends_too_early_starts_nothing(runner):
    """What is missing of it might be the field that matters."""
    media = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="inputStr"\r\n\r\nAda\r\n--x'
    times = b'\r\nContent-Disposition: form-data; name="times"\r\n\r\n9'
    before = state(runner.root)
    for body in (part, part + times, part + times + b"\r\n--x"):
        answer = runner.client.post(
            "/plugins/greeting@v0-1-0/process/", content=body, headers=media,
            follow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 422, answer.text
    assert state(runner.root) == before
