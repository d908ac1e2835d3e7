"""The life of a service: it begins, ends in good order, and comes back to what clients missed."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from asimov.cli import cli
from asimov.engine.plain_data.events import event_data
from asimov.journal.access_keys import AccessKeys
from asimov.journal.history import numbered_events
from asimov.journal.keys import Key
from asimov.journal.leases import WATCH, holder, is_dead
from asimov.project.workspace import Workspace
from asimov.server.client import Client, ResetError
from tests.frozen import frozen
from tests.searching import LONGER
from tests.server.conftest import made, new_key

OTHER = Key("t", "other")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("run") / "project")


def opened(service, after):
    """Open a stream that continues after an event."""
    request = Request(f"{service.address}/v1/events/stream", headers={"Last-Event-ID": str(after)})
    return urlopen(request, timeout=60)


def asimov(root, *arguments):
    """Run a command in a project, in this process."""
    ran = CliRunner().invoke(cli, ["--project", str(root), *arguments], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output


def told(stream, many):
    """Read so many events of a stream; return the last number and the new states."""
    found = []
    while len(found) < many:
        line = stream.readline().decode()
        assert line, "the stream has ended"
        if line.startswith("data: "):
            found.append(json.loads(line[6:]))
    return found[-1]["id"], [each["after"] for each in found]


def until(is_so):
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_stream_goes_on_with_the_next_service_where_it_was(root, serve):
    workspace = Workspace.open(root)
    newest = workspace.journal.rows("SELECT max(id) FROM events")[0][0]
    service = serve(root)
    with opened(service, newest) as stream:
        workspace.move(OTHER, "wait", "ada", None)
        last, states = told(stream, 1)
        assert states == ["wait"]
        workspace.move(OTHER, "ready", "ada", None)
        assert told(stream, 1)[1] == ["ready"]
        # A client that got the second one and lost it asks again from the first.
        code, said = service.end()  # the open stream does not hold it up
        assert (code, said) == (0, "The service has stopped; jobs keep running\n")
        assert stream.read().count(b"data: ") == 0
    workspace.move(OTHER, "wait", "ada", None)
    again = serve(root)
    with opened(again, last) as stream:
        assert told(stream, 2)[1] == ["ready", "wait"]
    workspace.move(OTHER, "ready", "ada", None)
    assert again.end(signal.SIGINT)[0] == 0


def heard(stream):
    """Return the next event of a stream as its type, its id and its data."""
    kind, place = "message", ""
    while line := stream.readline().decode():
        field, _, value = line.strip().partition(": ")
        if field == "event":
            kind = value
        elif field == "id":
            place = value
        elif field == "data":
            return kind, place, json.loads(value)
    raise AssertionError("the stream has ended")


@pytest.fixture
def replaced(tmp_path):
    """Return a project whose journal is put back, how to do that, and how to add an event."""
    root = made(tmp_path / "project")
    path = root / ".asimov" / "journal.db"

    def note(reason):
        with closing(Workspace.open(root).journal) as journal:
            journal.note(OTHER, "ada", "note", reason)
            return journal.rows("SELECT max(id) FROM events")[0][0]

    note("kept")
    with closing(Workspace.open(root).journal) as journal:
        journal.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = path.read_bytes()

    def put_back():
        (path.parent / "new").write_bytes(kept)
        with frozen(root):  # nobody finds the one with the other's log
            for each in ("-wal", "-shm"):
                path.with_name(path.name + each).unlink(missing_ok=True)
            (path.parent / "new").rename(path)

    return root, put_back, note


def test_a_client_of_a_journal_that_was_put_back_is_told_and_misses_nothing(replaced, serve):
    """Other events have the numbers that it knows: the id of an event says which one it was."""
    root, put_back, note = replaced
    service = serve(root)
    with opened(service, 0) as stream:
        last = note("lost")
        while (event := heard(stream))[2]["id"] < last:
            pass
        assert event[0] == "message"
        place = event[1]
        assert place.startswith(f"{last}-")
    with opened(service, place) as stream:
        note("next")
        assert heard(stream)[2]["reason"] == "next"
    assert service.end()[0] == 0
    put_back()
    service = serve(root)
    # Before its number is given again, and after that.
    for given in (last, place, 10**15, place):
        with opened(service, given) as stream:
            kind, now, data = heard(stream)
            assert kind == "reset", given
            number = note(f"after {given}")
            assert (data["newest"], now.split("-")[0]) == (number - 1, str(number - 1))
            assert heard(stream)[::2] == ("message", data_of(root, number))
    assert number > last
    client = Client(service.address)
    with pytest.raises(ResetError, match="the project's journal was replaced") as reset:
        next(client.events(after=place))
    assert reset.value.newest == number
    events = client.events(after=number - 1)
    event = next(events)
    assert (event["id"], event["reason"]) == (number, f"after {place}")
    events.close()
    note("again")
    assert next(client.events(after=event["place"]))["reason"] == "again"


def data_of(root, number):
    """Return an event as `/v1/events` has it."""
    with closing((workspace := Workspace.open(root, reading=True)).journal):
        ((found, event),), _ = numbered_events(workspace.journal, number - 1, 1)
    return {"id": found, **event_data(event)}


def test_open_streams_are_told_of_a_journal_that_is_put_back(replaced, serve):
    root, put_back, note = replaced
    service = serve(root)
    with opened(service, 0) as whole, opened(service, note("lost")) as new:
        while heard(whole)[2].get("reason") != "lost":
            pass
        note("lost too")
        assert [heard(each)[2]["reason"] for each in (whole, new)] == ["lost too"] * 2
        put_back()
        for each in (whole, new):
            assert heard(each)[0] == "reset"
        note("after that")
        for each in (whole, new):
            assert heard(each)[2]["reason"] == "after that"


def test_a_request_is_carried_out_once_however_the_service_is_killed(root, serve):
    key = new_key(root)
    rng = random.Random(7)

    def ask(service, number):
        action = {"action": "review", "analyses": ["s/first"], "reason": f"message {number}"}
        headers = {
            "Authorization": f"Bearer {key}", "Idempotency-Key": f"request {number}",
            "Content-Type": "application/json",
        }  # fmt: skip
        data = json.dumps(action).encode()
        with urlopen(Request(f"{service.address}/v1/actions", data, headers), timeout=60) as answer:
            return json.load(answer)

    service = serve(root)
    rounds = round(2 * LONGER)
    for number in range(rounds):
        ask(service, f"{number} before")  # what acts is there
        killer = threading.Timer(rng.uniform(0, 0.05), service.process.kill)
        killer.start()
        with suppress(OSError, HTTPException):  # whether it was done is not known
            ask(service, number)
        killer.join()
        service = serve(root)
        assert ask(service, number) == {"items": [{"analysis": "s/first", "review": None}]}
    workspace = Workspace.open(root, reading=True)
    messages = [
        each["message"] for each in workspace.settings(Key("s", "first"))["review"]["messages"]
    ]
    expected = [f"message {number}{end}" for number in range(rounds) for end in (" before", "")]
    assert messages == expected
    revisions = workspace.journal.rows("SELECT author FROM revisions WHERE reason LIKE 'message%'")
    assert [author for (author,) in revisions] == ["key ada"] * len(expected)


def processes_of(root):
    """Return the helpers and monitors of a project's services."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(root).encode() in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def test_a_service_that_is_killed_leaves_nothing_running(root, serve):
    service = serve(root)
    with urlopen(f"{service.address}/v1/subjects/s/analyses/first/why", timeout=60) as answer:
        assert json.load(answer)["status"] == "uploaded"
    assert processes_of(root)
    service.end(signal.SIGKILL)
    until(lambda: not processes_of(root))


def test_a_service_can_keep_a_monitor_that_ends_with_it(root, serve):
    workspace = Workspace.open(root)

    def watched():
        lease = holder(workspace.journal, WATCH)
        return lease is not None and not is_dead(lease)

    service = serve(root, "--monitor")
    until(watched)
    with urlopen(f"{service.address}/healthz", timeout=60) as answer:
        assert json.load(answer) == {"status": "ok"}
    assert service.end()[0] == 0
    assert not watched()


def test_a_service_that_is_killed_takes_its_monitor_along_and_no_job(tmp_path, serve):
    more = "---\n{kind: analysis, event: t, name: long, pipeline: simpletestpipeline, seconds: 999}"
    root = made(tmp_path / "project", more)
    long = Key("t", "long")

    def state():
        with closing((workspace := Workspace.open(root, reading=True)).journal):
            return workspace.status(long)

    def monitors():
        return [each for each in processes_of(root) if b"monitor" in each]

    service = serve(root, "--monitor")
    until(lambda: state() == "running")
    assert monitors()
    service.end(signal.SIGKILL)
    until(lambda: not monitors())
    with closing((workspace := Workspace.open(root)).journal):
        (attempt,) = (e for e in workspace.journal.open_attempts() if e.key == long)
        assert holder(workspace.journal, WATCH) is None  # it has ended in good order
    asimov(root, "monitor", "t")
    assert (state(), attempt.state) == ("running", "submitted")
    asimov(root, "cancel", "t/long", "--yes")


def test_a_stream_ends_when_its_key_is_revoked(root, serve):
    """What asks once and is answered for hours is no way around the end of a key."""
    with closing(Workspace.open(root).journal) as journal:
        keys = AccessKeys(journal)
        key = keys.add("streams", "ada")
        service = serve(root)
        request = Request(
            f"{service.address}/v1/events/stream", headers={"Authorization": f"Bearer {key}"}
        )
        with urlopen(request, timeout=60) as stream:
            assert stream.readline().startswith(b"retry")
            keys.revoke("streams")
            time.sleep(0.3)  # so long the service goes by what it knew
            journal.note(Key("s", "first"), "ada", "x", "after the end")
            assert b"after the end" not in stream.read()
