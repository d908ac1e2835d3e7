"""PlatiPy's protocol by `asimov serve` itself: keys, clients at once, kills and broken uploads."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.conftest import stop_local_scheduler
from tests.searching import LONGER
from tests.server.platipy.client import Client, form
from tests.traps import lay_traps, sprung

#: How many clients run something at once.
CLIENTS = 20 if LONGER > 1 else 2


@pytest.fixture(scope="module", autouse=True)
def no_runner(root):
    yield
    stop_local_scheduler(root.parent)


def until(is_so):
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_clients_run_functions_at_once_with_one_key(root, keys, serve):
    """Also across a kill: what was answered is there, and is carried out once."""
    service = serve(root)
    early = Client(service.address, keys["ada"])
    number = early.post("/api/dataset")["id"]
    early.upload(number, "kept.txt", b"kept")
    poll = early.post("/api/trigger", dataset=number, algorithm="Show Settings")["poll"]
    service.end(signal.SIGKILL)

    service = serve(root, "--monitor")

    def run(which):
        client = Client(service.address, keys["ada"])
        number = client.post("/api/dataset", timeout=2)["id"]
        content = (b"some text " * 300_000) if which == 0 else f"text {which}".encode()
        one = client.upload(number, f"{which}.txt", content, meta_data=json.dumps([which]))
        assert client.get(f"/api/dataset/ready/{number}") == {"ready": True}
        assert client.call("GET", f"/api/dataobject/download/{one['id']}")[1] == content
        config = json.dumps({"a": which})
        assert client.run(number, "Show Settings", config=config) == {"state": "SUCCESS"}
        made = client.get(f"/api/dataset/{number}")["output_data_objects"]
        status, settings = client.call("GET", f"/api/dataobject/download/{made[0]['id']}")
        assert (status, json.loads(settings)) == (200, {"a": which})
        status, text = client.call("GET", f"/api/dataobject/download/{made[1]['id']}")
        assert (status, text) == (200, content.upper())
        assert made[1]["parent_id"] == one["id"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(run, range(CLIENTS)))
    late = Client(service.address, keys["ada"])
    assert late.wait(poll) == {"state": "SUCCESS"}
    made = late.get(f"/api/dataset/{number}")["output_data_objects"]
    assert [each["path"] for each in made] == ["settings.json", "of-kept.txt", "of-kept.txt"]

    # An upload that breaks off, and one that a killed service was at, leave nothing.
    incoming = root / "uploads" / "incoming"
    head = (
        "POST /api/dataobject HTTP/1.1\r\nHost: localhost\r\nAPI_KEY: {}\r\n"
        "Content-Type: multipart/form-data; boundary=3b1f2c5e9a\r\nContent-Length: 99999999\r\n\r\n"
    ).format(keys["ada"])
    part = form({"dataset": number, "type": "FILE", "file_name": "x"}, bytes(3_000_000))[:-20]
    with socket.create_connection((urlsplit(service.address).netloc.split(":")[0],
                                   urlsplit(service.address).port)) as connection:  # fmt: skip
        connection.sendall(head.encode() + part)
        until(lambda: any(each.stat().st_size for each in incoming.iterdir()))
    until(lambda: not list(incoming.iterdir()))
    assert service.end()[0] == 0


def test_a_module_that_is_run_as_a_program_serves_the_project_around_it(root):
    program = root / "services/program.py"
    program.parent.mkdir()
    program.write_text(
        "from asimov.functions import app\n"
        "if __name__ == '__main__':\n"
        "    app.run(debug=True, port=0, dicom_listener_port=7777, dicom_listener_aetitle='X')\n"
    )
    lay_traps(root)
    with subprocess.Popen(
        [sys.executable, program], cwd=root, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout.readline().startswith("Serving Served at http://127.0.0.1:")
        process.terminate()
    assert process.returncode == 0
    assert not sprung(root), sprung(root)
    for trap in root.glob("*.py"):
        trap.unlink()
