"""A project that is served with the plugins of docs/qhana.md, and a receiver of its webhooks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from asimov.cli import cli
from asimov.discovery import entrypoints
from asimov.server.app import application
from asimov.server.options import Options
from tests.lab import lab  # noqa: F401  (a fixture)

PAGE = Path(__file__).parents[3] / "docs" / "qhana.md"
WATCH = ("monitor", "--watch", "--chain", "--interval", "0.3")
ADDRESS = "http://127.0.0.1:8642"


def install(folder: Path, only: set[str] | None = None) -> None:
    """Put the files of the page into a folder, as packages that are installed there."""
    files = re.findall(
        r"^Save this as `(\S+)`:\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert files
    for name, text in files:
        package, _, file = name.partition("/")
        if only is not None and package not in only:
            continue
        if file != "pyproject.toml":
            (folder / file).write_text(text)
            continue
        info = folder / f"{package}-0.1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n")
        points = text.partition("[project.entry-points")[2].partition("[tool.")[0]
        points = re.sub(r'(\[project.entry-points)?\."(.*)"\]', r"[\2]", points)
        (info / "entry_points.txt").write_text(points.replace('"', ""))


class Runner:
    """The service in this process, and a monitor in one of its own."""

    def __init__(self, root: Path, client: TestClient) -> None:
        self.root = root
        self.client = client

    def start(self, identifier: str, callback: str = "", **fields: Any) -> str:
        """Send the form of a plugin; return the address of the task."""
        query = {"callback": callback} if callback else {}
        address = f"/plugins/{identifier}/process/"
        answer = self.client.post(address, data=fields, params=query, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def get(self, address: str) -> Any:
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, address: str, ready: Callable[[Any], Any] | None = None) -> Any:
        """Return a task once it is as wanted, by default at its end."""
        end = time.monotonic() + 120
        while True:
            task = self.get(address)
            if ready(task) if ready else task["status"] != "PENDING":
                return task
            assert time.monotonic() < end, task
            time.sleep(0.05)

    def waiting(self, callback: str = "") -> tuple[Any, str]:
        """Return a task that waits in its first step, and its address."""
        address = self.start("noise@v1-0", callback, values=["3", "1", "2"])
        return self.until(address, open_step(1)), address

    def finish(self, address: str) -> Any:
        """Answer the steps of such a task; return it at its end."""
        for number, form in ((1, {"lowestLevel": "2"}), (2, {"signedBy": "Ada"})):
            step = self.until(address, open_step(number))["steps"][-1]
            answer = self.client.post(step["href"], data=form, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, address)
        return self.until(address)


def open_step(number: int) -> Callable[[Any], bool]:
    """Return what says whether a task waits in its step of a number."""
    return lambda task: len(task.get("steps", [])) == number and not task["steps"][-1]["cleared"]


class Receiver:
    """A web server that records the calls that it gets; `answer` is what it says."""

    def __init__(self) -> None:
        calls: list[tuple[str, str, dict[str, list[str]], bytes]] = []
        self.calls = calls
        self.answers: dict[str, Any] = {}
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                calls.append(("POST", parts.path, parse_qs(parts.query), body))
                self._answer(parts.path)

            def do_GET(self) -> None:
                self._answer(urlsplit(self.path).path)

            def _answer(self, path: str) -> None:
                code, body = answers.get(path, (200, b""))
                if callable(code):
                    code = code()
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def events(self, path: str) -> list[str]:
        return [query["event"][0] for _, at, query, _ in self.calls if at == path]

    def until(self, path: str, ready: Callable[[list[str]], Any]) -> list[str]:
        """Return the events that a webhook was called with, once they are as wanted."""
        end = time.monotonic() + 120
        while not ready(found := self.events(path)):
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="package")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def run(root: Path, *command: object) -> str:
    ran = CliRunner().invoke(
        cli, ["--project", str(root), *map(str, command)], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    return ran.output


@pytest.fixture(scope="package")
def runner(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Runner]:
    top = tmp_path_factory.mktemp("qhana")
    packages = top / "packages"
    packages.mkdir()
    install(packages)
    root = top / "project"
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH", ""))))
        patch.setenv("PYTHONPATH", path)
        patch.setenv("XDG_CONFIG_HOME", str(top / "config"))
        patch.syspath_prepend(str(packages))
        entrypoints.found.cache_clear()
        run(top, "init", "Tasks", "--root", root, "--scheduler", "local")
        run(root, "configuration", "update", "qhana/registry", f"{receiver.address}/registry/")
        monitor = subprocess.Popen(
            [sys.executable, "-m", "asimov", "--project", root, *WATCH],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            here = ("127.0.0.1", 50000)
            with TestClient(application(Options(root)), ADDRESS, client=here) as client:
                yield Runner(root, client)
        finally:
            monitor.terminate()
            monitor.wait(300)
    entrypoints.found.cache_clear()
    entrypoints.load.cache_clear()
