"""A plugin that hangs while something is changed holds up other changes for seconds, not for ever.

What is held up is refused with 503 and `Retry-After`; what hangs is ended at its limit; reading
goes on.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from asimov.client import Client

from tests.server.conftest import Service, new_key, tracebacks
from tests.server.everybody import PAGES, made_for_all
from tests.server.platipy.client import Client as PlatiPy
from tests.server.platipy.client import form

#: A package with a pipeline whose published settings can't be imported while there is a file.
HANGING = """
import time
from pathlib import Path
from asimov.settings import BaseSettings

while Path({flag!r}).exists():
    time.sleep(0.05)

class Settings(BaseSettings):
    level: int = 1
"""
PIPELINE = """
from asimov.pipelines.testing import SimpleTestPipeline

class Hanging(SimpleTestPipeline):
    name = "hanging"
"""
POINTS = """
[asimov.pipelines]
hanging = hanging_pipeline:Hanging
[asimov.settings]
hanging = hanging_settings:Settings
"""
#: The seconds for what hangs, and for what waits for that.
LIMIT, PATIENCE = 30.0, 4.0
#: The service with less patience.
SERVE = """
import sys
from asimov.server.platipy import triggers
from asimov.server.processes import backend
backend._LIMIT, backend.WRITING, triggers.WRITING = {limit}, {patience}, {patience}
from asimov.__main__ import main
sys.exit(main())
"""
BLUEPRINT = "{kind: analysis, event: t, name: %s, pipeline: hanging}"


@pytest.fixture
def flag(tmp_path):
    return tmp_path / "flag"


@pytest.fixture
def limit():
    return LIMIT


@pytest.fixture
def service(tmp_path, monkeypatch, flag, limit):
    root = made_for_all(tmp_path, monkeypatch)
    packages = tmp_path / "packages"
    info = packages / "hanging-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hanging\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (packages / "hanging_pipeline.py").write_text(PIPELINE)
    (packages / "hanging_settings.py").write_text(HANGING.format(flag=str(flag)))
    made = Service(root, program=("-c", SERVE.format(limit=limit, patience=PATIENCE)))
    made.root, made.key = root, new_key(root, rate=10_000)
    sent_again(made, "/api/dataset", b"")
    yield made
    flag.unlink(missing_ok=True)
    made.end()


def sent(service, path, data=None, **headers):
    """Return the status of an answer, its headers, what it says, and the seconds that it took."""
    headers = {"Authorization": f"Bearer {service.key}", "API_KEY": service.key, **headers}
    began = time.monotonic()
    try:
        answer = urlopen(Request(f"{service.address}{path}", data, headers), timeout=100)
    except HTTPError as error:
        answer = error
    with answer:
        said = answer.read()
        return answer.status, answer.headers, said, time.monotonic() - began


def sent_again(service, path, data, **headers):
    """Send it until it is not refused for a while: the process that carries it out is starting."""
    while (answer := sent(service, path, data, **headers))[0] in {503, 504}:
        time.sleep(0.1)
    return answer


@pytest.mark.long
def test_what_hangs_ends_at_its_limit_and_holds_up_changes_for_seconds(service, flag):
    yaml = {"Content-Type": "application/yaml"}
    platipy = PlatiPy(service.address, service.key)
    dataset = platipy.post("/api/dataset")["id"]
    platipy.upload(dataset, "text.txt", b"text")
    own = Client(service.address, service.key, tries=1)
    own.apply("{kind: subject, name: new}")
    flag.touch()
    stuck = []
    blueprint = (BLUEPRINT % "stuck").encode()
    thread = threading.Thread(
        target=lambda: stuck.append(sent(service, "/v1/blueprints", blueprint, **yaml))
    )
    thread.start()
    lock = service.root / ".asimov" / "ledger.lock"
    while not lock.read_bytes().startswith(b"changing"):
        time.sleep(0.02)

    locked_out = []
    other = threading.Thread(
        target=lambda: locked_out.append(
            sent(service, "/plugins/greeting@v0-1-0/process/", b"inputStr=Ada")
        )
    )
    other.start()
    body = form({"dataset": dataset, "type": "FILE", "file_name": "x"}, b"x")
    multipart = {"Content-Type": "multipart/form-data; boundary=3b1f2c5e9a"}
    trigger = urlencode({"dataset": dataset, "algorithm": "Copy"}).encode()
    held_up = [
        sent(service, "/v1/blueprints", b"{kind: subject, name: later}", **yaml),
        sent(service, "/api/dataset", b""),
        sent(service, "/api/dataobject", body, **multipart),
        sent(service, "/api/trigger", trigger),
    ]
    for status, headers, said, took in held_up:
        assert (status, headers["retry-after"]) == (503, "10"), said
        assert took < LIMIT / 2
        assert b"take" in said and b"long" in said
    # What needs neither the ledger nor that pipeline is done, and all can be read.
    assert own.act("set", ["t/left"], status="manual")[0]["after"] == "manual"
    for path in (*PAGES, f"/api/dataset/{dataset}", "/api/algorithm", "/api/dataobjects"):
        status, _, said, took = sent(service, path)
        assert status == 200, (path, said)
    assert not stuck
    # Nor does a change by another process of the service wait for ever for the ledger's lock.
    other.join(60)
    ((status, headers, said, took),) = locked_out
    assert (status, "retry-after" in headers, took < LIMIT) == (503, True, True), said

    thread.join(60)
    ((status, _, said, took),) = stuck
    assert (status, took < 2 * LIMIT) == (504, True), said
    flag.unlink()
    for path, data, headers in (
        ("/v1/blueprints", (BLUEPRINT % "stuck").encode(), yaml),
        ("/api/dataobject", body, multipart),
        ("/api/trigger", trigger, {}),
    ):
        status, _, said, _ = sent_again(service, path, data, **headers)
        assert status == 200, said
    assert not tracebacks(service.root)


@pytest.mark.parametrize("limit", [12.0])
def test_triggers_that_wait_for_others_of_their_key_are_not_carried_out_after_their_refusal(
    service, flag
):
    """A client that was refused sends its trigger again: then it runs once."""
    platipy = PlatiPy(service.address, service.key)
    dataset = platipy.post("/api/dataset")["id"]
    platipy.upload(dataset, "text.txt", b"text")
    trigger = urlencode({"dataset": dataset, "algorithm": "Copy"}).encode()
    flag.touch()
    blueprint = (BLUEPRINT % "stuck").encode()
    yaml = {"Content-Type": "application/yaml"}
    threads, said = [], []

    def beside(*request, **headers):
        def run():
            with suppress(OSError):
                said.append(sent(service, *request, **headers)[0])

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    beside("/v1/blueprints", blueprint, **yaml)
    lock = service.root / ".asimov" / "ledger.lock"
    while not lock.read_bytes().startswith(b"changing"):
        time.sleep(0.02)
    for _ in range(3):
        beside("/api/trigger", trigger)
        time.sleep(0.2)
    for each in threads:
        each.join(60)
    assert sorted(said) == [503, 503, 503, 504]
    flag.unlink()
    assert sent_again(service, "/api/trigger", trigger)[0] == 200
    listed = json.loads(sent(service, f"/v1/analyses?name=platipy-{dataset}")[2])["items"]
    assert len(listed) == 1
