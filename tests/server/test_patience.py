"""Clients have short patience: what no answer may wait for is held here, and all is answered.

How long answers take is no test's business on a busy machine: benchmarks/, part ``service``,
measures it.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from urllib.parse import urlencode

import pytest

from tests.conftest import stop_local_scheduler
from tests.server.conftest import Service, new_key
from tests.server.everybody import Everybody, made_for_all
from tests.server.platipy.conftest import asimov
from tests.server.qhana.conftest import Receiver

#: A plugin of which each part waits for a file: a pass at it, its job, and its route.
HELD = """
import os
import sys
import time
from pathlib import Path
from typing import Literal

from asimov.pipeline import Input, Node
from asimov.pipeline.card import Card, CardPipeline, DataOutput, Route
from asimov.settings import BaseSettings

FOLDER = Path(os.environ["HELD"])
JOB = Path(__file__).with_name("held_job.py")


def hold(what):
    (FOLDER / f"{what} is held").touch()
    while not (FOLDER / "end").exists():
        time.sleep(0.02)


def slow(visit):
    hold("route")
    return "at last"


CARD = Card(
    name="held",
    version="v1",
    outputs=(DataOutput("done", "done.txt", "text", "text/plain"),),
    routes=(Route("slow/", slow),),
)


class Settings(BaseSettings):
    part: Literal["pass", "job"]


class Held(CardPipeline):
    name = "held"
    card = CARD
    settings = Settings

    def nodes(self):
        if self.options.part == "pass":
            hold("pass")
        return [Node("wait", sys.executable, [Input(str(JOB)), str(FOLDER)], outputs=["done.txt"])]
"""
JOB = """
import sys
import time
from pathlib import Path

from asimov.functions import report

folder = Path(sys.argv[1])
for number, name in ((1, "go on"), (2, "end")):
    (folder / f"job is held {number}").touch()
    while not (folder / name).exists():
        time.sleep(0.02)
    report.progress(number, target=2)
Path("done.txt").write_text("done")
"""


def until(is_so):
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return where the plugin waits for files."""
    made = tmp_path / "held"
    made.mkdir()
    monkeypatch.setenv("HELD", str(made))
    return made


@pytest.fixture
def root(tmp_path, monkeypatch):
    made = made_for_all(tmp_path, monkeypatch)
    packages = tmp_path / "packages"
    (packages / "held.py").write_text(HELD)
    (packages / "held_job.py").write_text(JOB)
    about = packages / "held-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: held\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[asimov.pipelines]\nheld = held:Held\n[asimov.cards]\nheld = held:CARD\n"
    )
    return made


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


class Held:
    """A service at which a pass, a job and a plugin's route are held, and its clients."""

    def __init__(self, service, key, folder, receiver):
        self.folder, self.receiver = folder, receiver
        self.everybody = Everybody(service, key)
        self.threads = []

    def until(self, name):
        until((self.folder / name).exists)

    def task(self, part, name):
        query = f"?{urlencode({'callback': f'{self.receiver.address}/{name}'})}"
        return self.everybody.task(f"/plugins/held@v1/process/{query}", part=part)

    def beside(self, what):
        """Do something in a thread; return a list that has its outcome, once there is one."""
        said = []

        def run():
            with suppress(AssertionError, OSError):
                said.append(what())

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()
        return said


@pytest.fixture
def at_hold(root, folder, receiver):
    # Passes are an hour apart: what happens between them is seen in what jobs log.
    asimov(root, "configuration", "update", "monitor/interval", "3600")
    service = Service(root, "--monitor")
    held = Held(service, new_key(root, rate=10_000), folder, receiver)
    yield held
    for name in ("go on", "end"):
        (folder / name).touch()
    for each in held.threads:
        each.join(60)
    service.end()
    stop_local_scheduler(root.parent)


def test_no_answer_waits_for_a_pass_a_job_or_a_plugin(at_hold):
    """And what a job reports, and how it ends, is known and told between two passes."""
    everybody, receiver, told = at_hold.everybody, at_hold.receiver, at_hold.receiver.events
    of_job = at_hold.task("job", "job")
    at_hold.until("job is held 1")
    waits = everybody.waiting()
    of_pass = at_hold.task("pass", "pass")
    at_hold.until("pass is held")
    slow = at_hold.beside(lambda: everybody.ask("/plugins/held@v1/slow/"))
    at_hold.until("route is held")
    everybody.read()
    # What changes states waits for the pass, as the commands do, and nobody waits for that.
    late = at_hold.beside(lambda: everybody.own.act("set", ["t/left"], status="manual"))
    # An answer is recorded at once; its analysis goes on after the pass.
    step = everybody.shown(waits)["steps"][0]["href"].removeprefix(everybody.address)
    everybody.ask(step, {"lowestLevel": 0}, 303)
    assert everybody.shown(waits)["steps"][0]["cleared"]
    everybody.ask(step, {"lowestLevel": 1}, 409)
    started = everybody.start(f"{receiver.address}/started")
    everybody.read(started)
    before = len(told("/job"))
    (at_hold.folder / "go on").touch()
    at_hold.until("job is held 2")
    assert "details" in receiver.until("/job", lambda events: len(events) > before)[before:]
    assert everybody.shown(of_job)["progress"]["value"] == 1
    assert not everybody.ended(started)
    assert everybody.shown(waits)["status"] == "PENDING"
    assert late == []
    assert slow in ([], [b"at last"])

    (at_hold.folder / "end").touch()
    until(lambda: all(everybody.shown(each)["status"] == "SUCCESS" for each in (of_job, of_pass)))
    until(lambda: everybody.ended(started))
    for name in ("/job", "/pass", "/started"):
        receiver.until(name, lambda events: "status" in events)
    until(lambda: late)
    assert late[0][0]["after"] == "manual"
    until(lambda: len(everybody.shown(waits)["steps"]) == 2)  # it went on, and asks the next
