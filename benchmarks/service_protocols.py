"""Benchmark: how long clients of the two protocols wait for answers, ends of jobs and webhooks."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from project import Program, blueprints, command_settings
from service import connected, served

#: A function and a plugin whose jobs write when they ended.
_FUNCTION = """
import time
from pathlib import Path
from asimov.functions import DataObject, app

@app.register("Stamp")
def stamp(data_objects, working_dir):
    path = Path(working_dir, "ended.txt")
    path.write_text(str(time.time()))
    return [DataObject(path=str(path))]
"""
_PLUGIN = """
import sys
from pathlib import Path
from asimov.pipeline import Input, Node
from asimov.pipeline.card import Card, CardPipeline, DataOutput
from asimov.settings import BaseSettings

CARD = Card("stamp", "v1", outputs=(DataOutput("ended", "ended.txt", "time", "text/plain"),))

class Stamp(CardPipeline):
    name = "stamp"
    card = CARD
    settings = BaseSettings

    def nodes(self):
        program = Input(str(Path(__file__).with_name("benchmark_stamp_job.py")))
        return [Node("stamp", sys.executable, [program], outputs=["ended.txt"])]
"""
_JOB = "import time\nopen('ended.txt', 'w').write(str(time.time()))\n"
_POINTS = (
    "[asimov.pipelines]\nstamp = benchmark_stamp:Stamp\n"
    "[asimov.cards]\nstamp = benchmark_stamp:CARD\n"
)
_BOUNDARY = "3b1f2c5e9a"
#: How often everything is done, and the seconds between two questions for a state.
_TURNS, _POLL = 20, 0.05


def measure(asimov: Program, size: int) -> dict[str, list[float]]:
    """Return the seconds that everything took, each time, by what it is.

    Parameters
    ----------
    asimov
        The program; its folder of packages gets a plugin.
    size
        How many other analyses there are, which wait.
    """
    assert asimov.site
    _publish(asimov.site)
    with TemporaryDirectory(prefix="asimov-benchmark-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        text = blueprints(size, "10 a subject", command_settings("local") + "status: wait\n")
        (root / "blueprints.yaml").write_text(text)
        (root / "stamp.py").write_text(_FUNCTION)
        asimov.asimov(root, "init", "Benchmark", "--scheduler", "local")
        asimov.asimov(root, "configuration", "update", "functions/modules", "stamp")
        asimov.asimov(root, "apply", "-f", "blueprints.yaml")
        said = asimov.asimov(root, "manage", "key", "--add", "load", "--rate", "100000").out
        words = [str(asimov.environment / "bin" / "asimov"), "serve", "--port", "0", "--monitor"]
        with _receiver() as (hook, called), served(asimov, words, root) as (address, _):
            client = _Client(address, said.split()[-1])
            for number in range(_TURNS + 1):
                if number == 1:  # the first turn starts processes and imports modules
                    client.took.clear()
                client.segment()
                client.plug_in(hook, called)
            return dict(client.took)


def _publish(site: Path) -> None:
    (site / "benchmark_stamp.py").write_text(_PLUGIN)
    (site / "benchmark_stamp_job.py").write_text(_JOB)
    about = site / "benchmark_stamp-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: benchmark-stamp\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(_POINTS)


@contextmanager
def _receiver() -> Iterator[tuple[str, dict[str, float]]]:
    """Receive webhooks within the block; yields its address, and when each task told its end."""
    called: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if query["event"] == ["status"]:
                called.setdefault(urlsplit(query["source"][0]).path, time.time())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", called
        server.shutdown()


class _Client:
    """Makes calls, each on a connection of its own, and remembers how long they took."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address, key
        self.took: defaultdict[str, list[float]] = defaultdict(list)

    def segment(self) -> None:
        """Have a function run, as PlatiPy's client does."""
        number = json.loads(self._call("POST /api/dataset", "/api/dataset", {"timeout": 1}))["id"]
        given = {"dataset": number, "type": "FILE", "file_name": "a.txt", "file_data": "a"}
        self._call("POST /api/dataobject", "/api/dataobject", given, multipart=True)
        given = {"dataset": number, "algorithm": "Stamp"}
        poll = json.loads(self._call("POST /api/trigger", "/api/trigger", given))["poll"]
        self._until("GET /api/status/ID", poll, "state")
        seen = time.time()
        made = json.loads(self._call("GET /api/dataset/ID", f"/api/dataset/{number}"))
        output = made["output_data_objects"][0]["id"]
        ended = self._call("GET /api/dataobject/download/ID", f"/api/dataobject/download/{output}")
        self.took["from the end of a call's job to SUCCESS"].append(seen - float(ended))

    def plug_in(self, hook: str, called: dict[str, float]) -> None:
        """Have a plugin run, as another plugin runner does."""
        path = f"/plugins/stamp@v1/process/?{urlencode({'callback': hook})}"
        task = urlsplit(self._call("POST /plugins/PLUGIN/process/", path, {"x": "y"})).path
        self._until("GET /tasks/ID/", task, "status")
        seen = time.time()
        end = seen + 60
        while task not in called and time.time() < end:
            time.sleep(_POLL / 10)
        output = json.loads(self._call("GET /tasks/ID/", task))["outputs"][0]["href"]
        ended = float(self._call("GET /files/ID/", output.removeprefix(self._address)))
        self._call("GET /plugins/", "/plugins/")
        self.took["from the end of a task's job to SUCCESS"].append(seen - ended)
        self.took["from the end of a task's job to its webhook"].append(called[task] - ended)

    def _until(self, what: str, path: str, field: str) -> None:
        while (state := json.loads(self._call(what, path))[field]) != "SUCCESS":
            assert state != "FAILURE", path
            time.sleep(_POLL)

    def _call(
        self, what: str, path: str, form: Any = None, *, multipart: bool = False
    ) -> str:  # fmt: skip
        """Return the body of an answer; of a redirect, where it leads to."""
        headers, body = {"API_KEY": self._key}, None
        if multipart:
            headers["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
            head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
            parts = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in form.items()]
            body = "".join([*parts, f"--{_BOUNDARY}--\r\n"])
        elif form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        began = time.perf_counter()
        connection = connected(self._address)
        connection.request("GET" if form is None else "POST", path, body, headers)
        with connection.getresponse() as answer:
            said = answer.read().decode()
            self.took[what].append(time.perf_counter() - began)
            assert answer.status in {200, 303}, (path, answer.status, said)
            location = answer.headers.get("location")
        connection.close()
        return location or said


def table(results: dict[str, list[float]]) -> str:
    """Return the results as text."""
    lines = [f"{'what a client waits for, in ms':46}{'times':>7}{'median':>9}{'longest':>9}"]
    for name, took in results.items():
        median, longest = 1000 * statistics.median(took), 1000 * max(took)
        lines.append(f"{name:46}{len(took):7}{median:9.0f}{longest:9.0f}")
    return "\n".join(lines)
