"""A project that all three protocols are spoken with, and clients that call everything once."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from asimov.server.client import Client
from tests.server.conftest import Service, made
from tests.server.platipy.client import Client as PlatiPy
from tests.server.platipy.conftest import asimov
from tests.server.qhana.conftest import install

#: A module of functions.
FUNCTIONS = """
from pathlib import Path
from asimov.functions import DataObject, app

@app.register("Copy")
def copy(data_objects, working_dir):
    path = Path(working_dir, "copy.txt")
    path.write_text(Path(data_objects[0].path).read_text())
    return [DataObject(path=str(path), parent=data_objects[0])]
"""
#: An analysis that no monitor moves.
LEFT_ALONE = "---\n{kind: analysis, event: t, name: left, pipeline: command, status: wait}\n"
#: What reading our own API and the dashboard is.
PAGES = (
    "/", "/changes", "/graph", "/healthz", "/metrics", "/v1/subjects", "/v1/analyses",
    "/v1/subjects/s", "/v1/subjects/t/analyses/other", "/v1/subjects/t/analyses/other/logs",
    "/v1/subjects/s/analyses/first/results", "/v1/events", "/v1/monitor", "/v1/graph",
    "/v1/questions", "/v1/usage", "/v1/reviews", "/api/v1/events/",
)  # fmt: skip


class Started(NamedTuple):
    """What everybody has started: the state of a call, and the path of a task."""

    poll: str
    task: str


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Everybody:
    """Clients of our own API, of PlatiPy's protocol and of QHAna's.

    Parameters
    ----------
    service
        The service; its project has `FUNCTIONS` and the plugins of docs/qhana.md.
    key
        A key that may write.
    tries
        How often our own client sends a request that gets no answer.
    """

    def __init__(self, service: Service, key: str, tries: int = 20) -> None:
        self.address = service.address
        self.own = Client(service.address, key, tries=tries)
        self.platipy = PlatiPy(service.address, key)
        self._opener = build_opener(_NoRedirects())

    def ask(self, path: str, form: Any = None, code: int = 200) -> bytes:
        """Return the answer to a request, sent as a form if there is one."""
        data = None if form is None else urlencode(form).encode()
        try:
            answer = self._opener.open(Request(f"{self.address}{path}", data), timeout=60)
        except HTTPError as error:
            answer = error
        with answer:
            said: bytes = answer.read()
            assert answer.status == code, (path, answer.status, said)
            self._location = answer.headers.get("location", "")
        return said

    def read(self, started: Started | None = None) -> None:
        """Read everything once, what was started included."""
        for each in PAGES:
            self.ask(each)
        platipy = self.platipy
        assert "Copy" in [each["name"] for each in platipy.get("/api/algorithm")]
        for each in platipy.get("/api/datasets"):
            platipy.get(f"/api/dataset/{each['id']}")
            platipy.get(f"/api/dataset/ready/{each['id']}")
        for each in platipy.get("/api/dataobjects"):
            platipy.get(f"/api/dataobject/{each['id']}")
            assert platipy.call("GET", f"/api/dataobject/download/{each['id']}")[0] == 200
        platipy.get("/api/dicomlocation")
        for each in json.loads(self.ask("/plugins/"))["plugins"]:
            self.ask(f"/plugins/{each['identifier']}/")
            self.ask(f"/plugins/{each['identifier']}/ui/")
        if started is not None:
            assert platipy.get(started.poll)["state"] in {"PENDING", "RUNNING"}
            assert self.shown(started.task)["status"] == "PENDING"

    def start(self, webhook: str | None = None) -> Started:
        """Change everything once; return what was started."""
        for dry_run in (True, False):
            self.own.apply("{kind: subject, name: t}", dry_run=dry_run)
        dataset = self.platipy.post("/api/dataset")["id"]
        self.platipy.upload(dataset, "text.txt", b"text")
        poll = self.platipy.post("/api/trigger", dataset=dataset, algorithm="Copy")["poll"]
        query = "" if webhook is None else f"?{urlencode({'callback': webhook})}"
        address = f"/plugins/greeting@v0-1-0/process/{query}"
        return Started(poll, self.task(address, inputStr="Ada", times=2))

    def task(self, address: str, **form: Any) -> str:
        """Send the form of a plugin; return the path of the task."""
        self.ask(address, form, 303)
        return self._location.removeprefix(self.address)

    def waiting(self) -> str:
        """Return the path of a task that waits in a step."""
        task = self.task("/plugins/noise@v1-0/process/", values="3")
        end = time.monotonic() + 120
        while "steps" not in self.shown(task):
            assert time.monotonic() < end
            time.sleep(0.05)
        return task

    def answer(self, task: str) -> bool:
        """Answer the step of such a task; a request without an answer in time is sent again."""
        step = self.shown(task)["steps"][0]["href"].removeprefix(self.address)
        while not self.shown(task)["steps"][0]["cleared"]:
            with suppress(AssertionError):
                self.ask(step, {"lowestLevel": 0}, 303)
        return True

    def shown(self, task: str) -> Any:
        """Return a task."""
        return json.loads(self.ask(task))

    def ended(self, started: Started) -> bool:
        """Return whether what was started has succeeded."""
        state = self.platipy.get(started.poll)["state"]
        status = self.shown(started.task)["status"]
        assert {state, status} <= {"PENDING", "RUNNING", "SUCCESS"}
        return (state, status) == ("SUCCESS", "SUCCESS")


def made_for_all(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make a project with functions in a folder; the plugins of docs/qhana.md are found."""
    find_plugins(folder, patch)
    root = made(folder / "project", LEFT_ALONE)
    add_functions(root)
    return root


def find_plugins(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the plugins of docs/qhana.md into a folder; processes to be started find them."""
    packages = folder / "packages"
    packages.mkdir()
    install(packages)
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH", ""))))
    patch.setenv("PYTHONPATH", path)


def add_functions(root: Path) -> None:
    """Have a project's functions known."""
    (root / "service.py").write_text(FUNCTIONS)
    asimov(root, "configuration", "update", "functions/modules", "service")
