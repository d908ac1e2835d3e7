"""A service that is killed under load: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from contextlib import closing

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server import client_connection
from asimov.server.client import Client
from tests.ports import kept_port
from tests.searching import LONGER
from tests.server.conftest import Service, made, new_key

#: `make test-long` searches ten times as long: 50 clients, and 200 kills, 25 of each project.
CLIENTS, SUBSCRIBERS = round(5 * LONGER), 2
PROJECTS = 8 if LONGER > 1 else 1
KILLS = round(2 * LONGER**2 / PROJECTS)
ONE = """
{{kind: analysis, event: {subject}, name: {name}, pipeline: simpletestpipeline, status: wait}}
"""


#: The reason of the last event.
END = "the end"


def own(number):
    """Return the analysis of a client. Two share a subject, and so a file of the ledger."""
    return Key(f"g{number // 2}", f"c{number}")


@pytest.fixture
def root(tmp_path):
    keys = [own(number) for number in range(CLIENTS)]
    subjects = dict.fromkeys(f"---\n{{kind: subject, name: {key.subject}}}\n" for key in keys)
    analyses = [f"---{ONE.format(**key._asdict())}" for key in keys]
    return made(tmp_path / "project", "".join([*subjects, *analyses]))


class Load:
    """Clients that change the project, and subscribers that follow it, until they are stopped."""

    def __init__(self, address, key):
        self._address, self._key = address, key
        self._stop = threading.Event()
        self.acknowledged: Counter[int] = Counter()
        self.seen: list[set[int]] = [set() for _ in range(SUBSCRIBERS)]
        self.errors: list[BaseException] = []
        self._changing = [self._thread(self._change, number) for number in range(CLIENTS)]
        self._following = [self._thread(self._follow, each) for each in self.seen]

    def _thread(self, what, argument):
        def run():
            try:
                what(argument)
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _change(self, number):
        """Review an analysis again and again; each fifth time, add one."""
        client = Client(self._address, self._key, tries=10_000)
        while not self._stop.is_set():
            request = self.acknowledged[number]
            if request % 5 == 4:
                subject = own(number).subject
                blueprint = ONE.format(subject=subject, name=f"c{number}-r{request}x")
                client.apply(blueprint, iterate=True)  # done twice, it makes two
            else:
                client.act("review", [str(own(number))], reason=f"request {request}")
            self.acknowledged[number] += 1

    def _follow(self, seen):
        for event in Client(self._address, self._key, tries=10_000).events(after=0):
            if event["reason"] == END:
                return
            seen.add(event["id"])

    def stop(self):
        """Let each client have its last answer."""
        self._stop.set()
        for each in self._changing:
            each.join(timeout=120)
            assert not each.is_alive()

    def end(self):
        """Let the subscribers hear all events, the last of which is `END`."""
        for each in self._following:
            each.join(timeout=120)
            assert not each.is_alive()


@pytest.fixture
def port():
    with kept_port() as kept:
        yield str(kept)


@pytest.mark.parametrize("seed", range(PROJECTS))
def test_each_acknowledged_request_is_done_once_and_each_event_is_heard(
    root, port, monkeypatch, seed
):
    monkeypatch.setattr(client_connection, "PAUSE", 0.05)
    monkeypatch.setattr(client_connection, "LONGEST", 0.5)
    key = new_key(root, "load", rate=1_000_000)
    rng = random.Random(seed)
    service = Service(root, "--port", port)
    load = Load(service.address, key)
    try:
        for _ in range(KILLS):
            # A service lives for one request to as many as there are clients, more often for few.
            enough = load.acknowledged.total() + round(CLIENTS ** rng.random())
            while load.acknowledged.total() < enough and not load.errors:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.2))
            service.process.kill()
            service.process.communicate()
            service = Service(root, "--port", port)
        load.stop()
        assert not load.errors
        workspace = Workspace.open(root)
        with closing(workspace.journal) as journal:
            ids = {number for (number,) in journal.rows("SELECT id FROM events")}
            journal.note(own(0), "ada", "note", END)
        load.end()
        missed = [ids - seen for seen in load.seen]
    finally:
        service.process.kill()
        service.process.communicate()
    reviews = {number: reviewed(workspace, number) for number in load.acknowledged}
    done = Counter((number, request) for number in reviews for request in reviews[number])
    for key in workspace.contents.entries:
        if found := re.match(r"c(\d+)-r(\d+)x", key.name):  # a second one has more to its name
            done[int(found[1]), int(found[2])] += 1
    acknowledged = [(n, each) for n, count in load.acknowledged.items() for each in range(count)]
    lost = [each for each in acknowledged if not done[each]]
    doubled = [each for each, times in done.items() if times > 1]
    print(
        f"\n{KILLS} kills under load from {CLIENTS} clients: {len(acknowledged)} acknowledged "
        f"requests, {len(lost)} lost, {len(doubled)} carried out twice; {len(ids)} events, "
        f"{' and '.join(str(len(each)) for each in missed)} missed by {SUBSCRIBERS} subscribers"
    )
    assert missed == [set()] * SUBSCRIBERS
    assert (lost, doubled) == ([], [])
    assert done.total() == len(acknowledged)  # and nothing that nobody asked for
    for number, count in load.acknowledged.items():
        assert reviews[number] == [request for request in range(count) if request % 5 != 4]


def reviewed(workspace, number):
    """Return the requests of a client that are among the reviews, in their order."""
    review = workspace.settings(own(number)).get("review") or {"messages": []}
    return [int(each["message"].removeprefix("request ")) for each in review["messages"]]
