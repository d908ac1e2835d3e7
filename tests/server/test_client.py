"""`asimov.client`, against a service in a process of its own."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from urllib.error import HTTPError

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server import client_connection as module
from asimov.server.client import Client, ServiceError
from tests.ports import kept_port
from tests.server.conftest import STORED, made, new_key

NEW = "{kind: analysis, event: s, name: new, pipeline: simpletestpipeline}\n"


@pytest.fixture
def root(tmp_path):
    return made(tmp_path / "project")


def test_a_client_reads_follows_and_changes_a_project(root, serve, tmp_path):
    service = serve(root)
    anybody = Client(service.address)
    assert [each["name"] for each in anybody.subjects()] == ["s", "t"]
    assert anybody.subject("s")["settings"] == {"colour": "red"}
    assert [row["name"] for row in anybody.analyses("s", state=["ready", "stuck"])] == ["second"]
    assert anybody.analysis("s", "first")["attempts"][0]["job_id"] == 7
    assert anybody.why("s", "second")["status"] == "ready"
    assert len(anybody.graph()["nodes"]) == 3
    assert [each["file"] for each in anybody.results("s", "first")] == ["folder/y.txt"]
    anybody.save_result("s", "first", "folder/y.txt", tmp_path / "y")
    assert (tmp_path / "y").read_text() == STORED
    with pytest.raises(ServiceError, match="'x'") as told:
        anybody.why("s", "x")
    assert (told.value.status, told.value.hint) == (404, "its analyses: first, second")
    with pytest.raises(ServiceError, match="changes need a key") as told:
        anybody.apply(NEW)
    assert told.value.status == 401
    ada = Client(service.address, new_key(root))
    assert ada.apply(NEW, dry_run=True)["done"] is False
    assert ada.apply(NEW, reason="to see")["added"] == ["s/new"]
    assert ada.act("set", ["s/new"], status="wait")[0]["after"] == "wait"
    events = ada.events(after=1)
    found = [next(events)]
    while found[-1]["after"] != "wait":
        found.append(next(events))
    assert (found[0]["id"], found[-1]["actor"]) == (2, "key ada")
    events.close()


def test_a_change_without_an_answer_is_sent_again_and_made_once(root, serve, monkeypatch):
    service = serve(root)
    ada = Client(service.address, new_key(root))
    ask, lost = ada.opener.open, []

    def loses_the_first_answer(request, timeout):
        answer = ask(request, timeout=timeout)
        if not lost:
            lost.append(answer.read())
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(ada.opener, "open", loses_the_first_answer)
    monkeypatch.setattr(module, "PAUSE", 0.0)
    told = ada.act("review", ["s/first"], reason="once")
    assert {"items": told} == json.loads(lost[0])
    review = Workspace.open(root, reading=True).settings(Key("s", "first"))["review"]
    assert [each["message"] for each in review["messages"]] == ["once"]


class Clock:
    """Stands in for the module `time`: nobody waits, and after a while something happens."""

    def __init__(self, then=None, after=0.0):
        self.now, self.then, self.after = 0.0, then, after

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        if self.then and self.now > self.after:
            then, self.then = self.then, None
            then()


def test_who_follows_events_waits_for_a_service_that_restarts(root, serve, monkeypatch):
    service = serve(root)
    address, key = service.address, new_key(root)

    def come_back():
        serve(root, "--port", address.rpartition(":")[2])
        Client(address, key).act("set", ["s/second"], status="wait")

    events = Client(address).events(after=1)
    found = next(events)
    monkeypatch.setattr(module, "time", Clock(come_back, after=90.0))
    service.end()
    while found["after"] != "wait":
        found = next(events)
    events.close()


def test_who_follows_events_hears_that_the_service_stays_away(root, serve, monkeypatch):
    service = serve(root)
    events = Client(service.address).events(after=1)
    next(events)
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    service.end()
    with pytest.raises(ServiceError, match=r"does not answer for 120 s: .*refused"):
        list(events)
    assert 100 < clock.now < 120


def test_a_page_of_a_proxy_is_not_taken_for_a_stream_of_events():
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"data: log in first\n")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        events = Client(f"http://127.0.0.1:{server.server_port}").events()
        with pytest.raises(ServiceError, match="'text/html', not a stream of events"):
            next(events)
        server.shutdown()


def test_a_service_that_is_not_there_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with kept_port() as port, pytest.raises(ServiceError, match="does not answer") as told:
        next(Client(f"http://127.0.0.1:{port}").subjects())
    assert told.value.status == 0


def test_the_client_needs_nothing_but_python():
    program = (
        "import sys; from asimov.client import Client; Client('http://x')\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "strange = names - sys.stdlib_module_names - {'asimov', '__main__'}\n"
        "print(sorted(each for each in strange if not each.startswith('_')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_proxy_may_say_in_any_form_when_to_come_back(monkeypatch):
    answers, pauses = ["Wed, 21 Oct 2099 07:28:00 GMT", "nan", "-1", "3"], []

    def refuse(request, timeout):
        headers = Message()
        headers["Retry-After"] = answers[len(pauses)]
        raise HTTPError(request.full_url, 503, "Service Unavailable", headers, io.BytesIO())

    # Not time.sleep itself, by which other threads pause.
    ours = SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append)
    monkeypatch.setattr(module, "time", ours)
    client = Client("http://127.0.0.1:1", tries=5)
    monkeypatch.setattr(client.opener, "open", refuse)
    answers.append("")
    with pytest.raises(ServiceError, match="the service answered 503"):
        client.subject("s")
    assert pauses == [0.5, 1.0, 2.0, 4.0]


@pytest.fixture
def breaking():
    """The address of a service whose connections break within the answer."""

    def answer(listening):
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf\n of it")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=[listening])
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_file_that_is_not_sent_whole_is_not_taken_for_the_result(breaking, tmp_path):
    client = Client(breaking)
    with pytest.raises(ServiceError, match="the connection broke before all of the file was sent"):
        client.save_result("s", "first", "y", tmp_path / "y")
    with client.output("s", "first", "log") as stream:
        assert stream.readline() == b"half\n"
        with pytest.raises(ServiceError, match="the connection broke"):
            stream.read()
