"""Slow clients, aborted uploads and a schedd that does not answer: nobody else notices.

The same for our API and the two protocols; what a full disk does is in tests/test_full_disk.py.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, suppress
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server.client import Client
from tests.conftest import stop_local_scheduler
from tests.server.conftest import Service, new_key
from tests.server.everybody import Everybody, made_for_all
from tests.server.platipy.client import form

#: A service with less patience, so that the tests need less of it.
IMPATIENT = """
import sys
from asimov.cli import main
from asimov.server import header_deadline
from asimov.server.admission.policy import Policy
Policy.patience = Policy.silence = header_deadline.PATIENCE = 1.0
main()
"""
HEADER = b"GET /v1/subjects HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hardships")
    with pytest.MonkeyPatch.context() as patch:
        yield made_for_all(folder, patch)
    stop_local_scheduler(folder)


@pytest.fixture(scope="module")
def silent():
    """Return the address of a socket that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="module")
def service(root, silent):
    with (root / ".asimov" / "asimov.conf").open("a") as stream:
        stream.write(f"\n[condor]\nscheduler = far\ncollector = {silent}\n")
    started = Service(root, program=("-c", IMPATIENT))
    yield started
    started.process.kill()
    started.process.communicate()


@pytest.fixture(scope="module")
def key(root):
    return new_key(root, rate=1_000_000)


@pytest.fixture(scope="module")
def everybody(service, key):
    return Everybody(service, key)


def connected(service):
    parts = urlsplit(service.address)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def asks(everybody):
    """Ask as clients of each protocol do, and get answers."""
    assert [each["name"] for each in everybody.own.subjects()] == ["s", "t"]
    assert everybody.platipy.get("/api/datasets") == []
    assert b"greeting@v0-1-0" in everybody.ask("/plugins/")


def test_a_header_that_comes_slowly_or_never_ends_its_connection(service, everybody):
    with ExitStack() as stack:
        never, drips = (
            [stack.enter_context(connected(service)) for _ in range(10)] for _ in range(2)
        )
        again = stack.enter_context(connected(service))
        again.sendall(HEADER)
        assert again.recv(65536).startswith(b"HTTP/1.1 200")
        drips.append(again)
        asks(everybody)
        open_ones, end, place = drips, time.monotonic() + 60, 0
        while open_ones and time.monotonic() < end:
            for each in open_ones:
                with suppress(OSError):
                    each.sendall(HEADER[place % 10 : place % 10 + 1])  # never a whole header
            place += 1
            time.sleep(0.05)
            open_ones = [each for each in open_ones if not closed(each)]
        assert not open_ones
        for each in never:
            with suppress(ConnectionResetError):
                assert each.recv(65536) == b""
    asks(everybody)


def closed(connection):
    """Return whether the other side has closed a connection."""
    connection.setblocking(False)
    try:
        return connection.recv(1000) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(60)


#: What begins a change in each protocol: path, media type, and the first part of the body.
UPLOADS = {
    "own": ("/v1/blueprints", "application/yaml", b"{kind: subject, name: aborted}\n---\n"),
    "platipy": (
        "/api/dataobject", "multipart/form-data; boundary=3b1f2c5e9a",
        form({"dataset": 1, "type": "FILE", "file_name": "x"}, bytes(1_000_000))[:-20],
    ),
    "qhana": (
        "/plugins/greeting@v0-1-0/process/", "application/x-www-form-urlencoded",
        b"inputStr=Ada&",
    ),
}  # fmt: skip


@pytest.mark.parametrize("protocol", UPLOADS)
def test_an_upload_that_is_aborted_or_slow_does_nothing(root, service, everybody, key, protocol):
    path, media, body = UPLOADS[protocol]
    header = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media}\r\nAPI_KEY: {key}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: 2000000\r\n\r\n"
    ).encode()
    for _ in range(20):
        with connected(service) as half:
            half.sendall(header + body)
    with connected(service) as slow:
        slow.sendall(header + body)
        asks(everybody)
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
    asks(everybody)
    everybody.ask("/tasks/1/", code=404)
    end = time.monotonic() + 120
    while [*(root / "uploads").rglob("*.*"), *(root / "uploads" / "incoming").glob("*")]:
        assert time.monotonic() < end
        time.sleep(0.05)
    workspace = Workspace.open(root, reading=True)
    with closing(workspace.journal):
        assert list(workspace.contents.subjects) == ["s", "t"]


def test_a_stream_that_nobody_reads_keeps_no_other_waiting(root, service, everybody):
    lazy = [connected(service) for _ in range(10)]
    for each in lazy:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        each.sendall(
            b"GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n"
        )
    with closing(Workspace.open(root).journal) as journal, journal.transaction():
        for number in range(3000):
            journal.note(Key("t", "other"), "ada", "note", f"{number} " + 100 * "x")
    events = Client(service.address).events(after=0)
    while not (reason := next(events)["reason"] or "").startswith("2999 "):
        pass
    events.close()
    assert reason.endswith("x")
    asks(everybody)
    for each in lazy:
        each.close()


def test_a_schedd_that_does_not_answer_keeps_only_who_asks_it_waiting(root, service, everybody):
    pytest.importorskip("htcondor2")
    workspace, second = Workspace.open(root), Key("s", "second")
    with closing(workspace.journal) as journal:
        journal.intend(second, "uid-2", "run", "htcondor")
        journal.submitted("uid-2", 8, [])
        workspace.move(second, "running", "submit", "submitted as job 8")
    told = []

    def ask():
        with suppress(OSError), urlopen(
            f"{service.address}/v1/subjects/s/analyses/second/why", timeout=300
        ) as answer:  # fmt: skip
            told.append(json.load(answer))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    # A pass, too, asks about that job, and goes on with what others have started.
    early = everybody.start()
    command = [sys.executable, "-m", "asimov", "--project", root, "monitor", "--chain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as monitor:
        waiting = 'asimov_service_waiting_requests{helper="explaining"} 1'
        while thread.is_alive() and waiting not in everybody.ask("/metrics").decode():
            pass
        everybody.read(early)
        everybody.start()
        with urlopen(f"{service.address}/v1/subjects/t/analyses/other/why", timeout=300) as answer:
            assert json.load(answer)["name"] == "other"
        # It may not have given up yet.
        assert thread.is_alive() or "can't report on job" in str(told)
        said, _ = monitor.communicate(timeout=300)
    assert "the scheduler does not answer" in said
    assert "qhana-1/greeting: submitted" in said
    assert "platipy-1/copy-" in said
    assert everybody.own.analysis("s", "second")["status"] == "running"
