"""`asimov serve` on the pool: clients of both protocols have their work done by its jobs."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from asimov.discovery import entrypoints
from tests.htcondor.conftest import OnAPool
from tests.searching import LONGER
from tests.server.conftest import Service
from tests.server.platipy.client import Client
from tests.server.platipy.conftest import MODULE
from tests.server.qhana.conftest import Receiver, install, open_step

pytestmark = pytest.mark.htcondor

#: Text of forms that HTCondor could take for its own.
MACROS = "$(Process) $(Cluster) $$(OpSys) $$([1 + 1]) $ENV(HOME) $INT(1)"
#: How many clients of each protocol work at once.
CLIENTS = 20 if LONGER > 1 else 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def project(
    on_a_pool: OnAPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OnAPool]:
    """Return a project with functions, and with the plugins of docs/qhana.md."""
    packages = tmp_path / "packages"
    packages.mkdir()
    install(packages)
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(packages))
    entrypoints.found.cache_clear()
    (on_a_pool.root / "service.py").write_text(MODULE)
    on_a_pool.run("configuration", "update", "functions/modules", "service")
    yield on_a_pool
    entrypoints.found.cache_clear()
    entrypoints.load.cache_clear()


class Plugins:
    """A caller of plugins, as another plugin runner is."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, address: str) -> Any:
        with urllib.request.urlopen(urllib.parse.urljoin(self._address, address)) as answer:
            return json.load(answer)

    def send(self, address: str, **form: Any) -> str:
        """Send a form; return the address that the answer leads to."""
        data = urllib.parse.urlencode(form, doseq=True).encode()
        with urllib.request.urlopen(urllib.parse.urljoin(self._address, address), data) as answer:
            return str(answer.geturl())

    def until(self, address: str, ready: Any = None) -> Any:
        end = time.monotonic() + 240
        while True:
            task = self.get(address)
            if ready(task) if ready else task["status"] != "PENDING":
                return task
            assert time.monotonic() < end, task
            time.sleep(0.2)


def test_clients_of_both_protocols_work_at_once_and_across_a_kill(
    project: OnAPool, receiver: Receiver
) -> None:
    """SUCCESS once every output can be downloaded; what was answered is done, and done once."""
    key = project.run("manage", "key", "--add", "ada").out.split()[-1]
    service = Service(project.root)  # nothing is carried out before the kill
    port = service.address.rpartition(":")[2]

    def segment(number: int, text: str = "text {}") -> str:
        client = Client(service.address, key)
        dataset = client.post("/api/dataset")["id"]
        client.upload(dataset, f"{number}.txt", text.format(number).encode())
        config = json.dumps({"a": number})
        name = "Show Settings"
        return str(
            client.post("/api/trigger", dataset=dataset, algorithm=name, config=config)["poll"]
        )

    def greet(number: int) -> str:
        hook = urllib.parse.quote(f"{receiver.address}/{number}")
        address = f"/plugins/greeting@v0-1-0/process/?callback={hook}"
        return Plugins(service.address).send(address, inputStr=f"{MACROS} {number}", times=2)

    with ThreadPoolExecutor(CLIENTS) as pool:
        polls = list(pool.map(segment, range(CLIENTS)))
        tasks = list(pool.map(greet, range(CLIENTS)))
    fails = segment(CLIENTS, "boom")
    noise = Plugins(service.address).send("/plugins/noise@v1-0/process/", values="3")
    service.end(signal.SIGKILL)
    service = Service(project.root, "--monitor", "--port", port)
    try:
        client, plugins = Client(service.address, key), Plugins(service.address)
        assert [client.wait(poll) for poll in polls] == [{"state": "SUCCESS"}] * CLIENTS
        state = client.wait(fails)
        assert state == {**state, "state": "FAILURE", "status": f"boom in {CLIENTS}.txt"}
        for dataset in client.get("/api/datasets")[:-1]:
            made = dataset["output_data_objects"]
            settings, text = (
                client.call("GET", f"/api/dataobject/download/{each['id']}") for each in made[:2]
            )
            assert settings[0] == text[0] == 200
            given = json.loads(settings[1])["a"]
            assert text[1] == f"TEXT {given}".encode()
        for number, address in enumerate(tasks):
            task = plugins.until(address)
            assert (task["status"], task["progress"]["value"]) == ("SUCCESS", 2), task
            with urllib.request.urlopen(task["outputs"][0]["href"]) as answer:
                assert answer.read().decode() == f"Hello {MACROS} {number}\n" * 2
            events = receiver.until(f"/{number}", lambda found: "status" in found)
            assert "details" in events
        # A step between two jobs of the pool.
        for number, form in ((1, {"lowestLevel": "2"}), (2, {"signedBy": "Ada"})):
            step = plugins.until(noise, open_step(number))["steps"][-1]
            assert plugins.send(step["href"], **form) == noise
        task = plugins.until(noise)
        assert [each["name"] for each in task["outputs"]] == ["spectrum.txt", "cut.txt"], task
    finally:
        service.end()
    states = list(project.states().values())
    assert (states.count("uploaded"), states.count("stuck")) == (2 * CLIENTS + 1, 1)
    assert len(project.jobs()) == 2 * CLIENTS + 3  # the task with a step has had two
