"""Slow clients, aborted uploads and a schedd that does not answer: nobody else notices."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack, closing, suppress
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server.client import Client
from tests.server.conftest import Service, made, new_key

#: A service with less patience, so that the tests need less of it.
IMPATIENT = """
import sys
from asimov.cli import main
from asimov.server import header_deadline
from asimov.server.admission.policy import Policy
Policy.patience = header_deadline.PATIENCE = 1.0
main()
"""
HEADER = b"GET /v1/subjects HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("hardships") / "project")


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
    return new_key(root)


def connected(service):
    parts = urlsplit(service.address)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def asks(service):
    """Ask as others do, and get an answer."""
    with urlopen(f"{service.address}/v1/subjects", timeout=60) as answer:
        assert [each["name"] for each in json.load(answer)["items"]] == ["s", "t"]


def test_a_header_that_comes_slowly_or_never_ends_its_connection(service):
    with ExitStack() as stack:
        never, drips = (
            [stack.enter_context(connected(service)) for _ in range(10)] for _ in range(2)
        )
        again = stack.enter_context(connected(service))
        again.sendall(HEADER)
        assert again.recv(65536).startswith(b"HTTP/1.1 200")
        drips.append(again)
        asks(service)
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
    asks(service)


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


def test_an_upload_that_is_aborted_or_slow_does_nothing(root, service, key):
    header = (
        "POST /v1/blueprints HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: 1000000\r\n\r\n"
    ).encode()
    body = b"{kind: subject, name: aborted}\n---\n"
    for _ in range(20):
        with connected(service) as half:
            half.sendall(header + body)
    with connected(service) as slow:
        slow.sendall(header + body)
        asks(service)
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
    asks(service)
    workspace = Workspace.open(root, reading=True)
    with closing(workspace.journal):
        assert list(workspace.contents.subjects) == ["s", "t"]


def test_a_stream_that_nobody_reads_keeps_no_other_waiting(root, service):
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
    asks(service)
    for each in lazy:
        each.close()


def test_a_schedd_that_does_not_answer_keeps_only_who_asks_it_waiting(root, service, key):
    pytest.importorskip("htcondor2")
    workspace, second = Workspace.open(root), Key("s", "second")
    with closing(workspace.journal) as journal:
        journal.intend(second, "uid-2", "run", "htcondor")
        journal.submitted("uid-2", 8, [])
        workspace.move(second, "running", "submit", "submitted as job 8")
    told = []

    def ask():
        with suppress(OSError), urlopen(
            f"{service.address}/v1/subjects/s/analyses/second/why", timeout=60
        ) as answer:  # fmt: skip
            told.append(json.load(answer))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    client = Client(service.address, key)
    waiting = 'asimov_service_waiting_requests{helper="explaining"} 1'
    while thread.is_alive():
        with urlopen(f"{service.address}/metrics", timeout=60) as answer:
            if waiting in answer.read().decode():
                break
    for status in ("wait", "ready"):
        asks(service)
        assert client.act("set", ["t/other"], status=status)[0]["after"] == status
    for place in ("subjects/t/analyses/other", "subjects/t/analyses/other/why"):
        with urlopen(f"{service.address}/v1/{place}", timeout=60) as answer:
            assert json.load(answer)["name"] == "other"
    if thread.is_alive():  # it has not given up yet
        assert not told
    else:
        assert "can't say" in str(told)
