"""A project that is served: by the application in this process, or by `asimov serve` in its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from asimov.cli import cli
from asimov.journal.access_keys import AccessKeys
from asimov.journal.keys import Key
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from asimov.server.app import application
from asimov.server.options import Options

BLUEPRINTS = """
{kind: subject, name: s, colour: red}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: first, pipeline: command, executable: /bin/true, outputs: {y: y}}
---
{kind: analysis, event: s, name: second, pipeline: command, executable: /bin/true, needs: [first]}
---
{kind: analysis, event: t, name: other, pipeline: simpletestpipeline, comment: "<b>bold</b>"}
"""
#: What a job wrote, and what was stored.
OUTPUT, STORED = "one\ntwo\nthree\n", "0123456789"


def made(root: Path, more: str = "") -> Path:
    """Make a project in which one analysis is stored, one waits, one is ready; and more."""
    ran = CliRunner().invoke(
        cli, ["init", "Served", "--root", str(root), "--scheduler", "local"], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    (root / "blueprints.yaml").write_text(BLUEPRINTS + more)
    apply = ["--project", str(root), "apply", "-f", str(root / "blueprints.yaml")]
    ran = CliRunner().invoke(cli, apply, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    workspace, first = Workspace.open(root), Key("s", "first")
    workspace.journal.intend(first, "uid-1", "run", "local")
    workspace.journal.submitted("uid-1", 7, [])
    workspace.move(first, "running", "submit", "submitted as job 7")
    workspace.journal.ended("uid-1", "ended", exit_code=0, evidence="event log", reason=None)
    workspace.move(first, "finished", "monitor", "job 7 ended")
    (root / "product").write_text(STORED)
    Store(workspace.project.results).add_file(*first, root / "product", "folder/y.txt")
    workspace.move(first, "uploaded", "monitor", "its results are stored")
    workspace.journal.close()
    folder = root / "working" / "s" / "first"
    folder.mkdir(parents=True)
    (folder / "job.out").write_text(OUTPUT)
    return root


def new_key(root: Path, name: str = "ada", **options: int) -> str:
    """Return a new key of a project that may write."""
    with closing(Workspace.open(root).journal) as journal:
        return AccessKeys(journal).add(name, name, **options)


def tracebacks(root: Path) -> list[str]:
    """Return the lines of a project's log with which a traceback begins."""
    logs = (root / "logs").glob("asimov.log*")
    lines = [line.strip() for file in logs for line in file.read_text().splitlines()]
    return [line for line in lines if line.startswith("Traceback")]


@contextmanager
def writing(root: Path) -> Iterator[TestClient]:
    """Have a client of a project's service with the key `ada`."""
    headers = {"Authorization": f"Bearer {new_key(root)}"}
    with TestClient(application(Options(root)), "http://127.0.0.1:8642", headers=headers) as client:
        yield client


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that tests only look at."""
    return made(tmp_path_factory.mktemp("served") / "project")


@pytest.fixture(scope="session")
def client(served: Path) -> Iterator[TestClient]:
    """Return a client of its service, on this machine."""
    options = Options(served, proxies=("10.0.0.1",))
    here = ("127.0.0.1", 50000)
    with TestClient(application(options), "http://127.0.0.1:8642", client=here) as made:
        yield made


@pytest.fixture(scope="session")
def keys(served: Path) -> dict[str, str]:
    """Return keys of it, by their names."""
    journal = Workspace.open(served).journal
    known = AccessKeys(journal)
    found = {
        "full": known.add("full", "ada"),
        "reader": known.add("reader", "ada", read_only=True),
        "slow": known.add("slow", "ada", rate=2),
        "old": known.add("old", "ada"),
    }
    known.revoke("old")
    journal.close()
    return found


class Service:
    """`asimov serve` in a process of its own, on a free port."""

    def __init__(
        self,
        root: Path,
        *options: str,
        program: tuple[str, ...] = ("-m", "asimov"),
        stderr: int | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *program, "--project", root, "serve", "--port", "0", *options],
            stdout=subprocess.PIPE, stderr=stderr, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        self.address = found[0].rstrip("/")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what was said last."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=120)
        return self.process.returncode, said


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """Start services, which are killed at the end if they are still there."""
    started: list[Service] = []

    def start(root: Path, *options: str, **more: Any) -> Service:
        started.append(Service(root, *options, **more))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


def asking_from(client: TestClient, address: str, **headers: str) -> TestClient:
    """Return a client of the same service that asks from an address, with headers."""
    made = TestClient(client.app, str(client.base_url), headers=headers, client=(address, 50000))
    made.portal = client.portal  # the loop that its helper processes belong to
    return made
