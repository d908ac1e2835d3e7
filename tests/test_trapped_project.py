"""What lies in a project is data: nothing that asimov starts there imports it."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import stop_local_scheduler
from tests.traps import lay_traps, sprung

ASIMOV = str(Path(sys.executable).with_name("asimov"))
BLUEPRINT = """\
kind: subject
name: s
analyses:
- {name: a, pipeline: command, executable: /bin/touch, arguments: [out], outputs: {out: out}}
"""
Run = Callable[..., str]


@pytest.fixture
def trapped(tmp_path: Path) -> Iterator[Path]:
    """A project with a trap for every module that anything may import."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "blueprint.yaml").write_text(BLUEPRINT)
    lay_traps(root)
    yield root
    stop_local_scheduler(tmp_path)


@pytest.fixture
def run(trapped: Path) -> Run:
    def one(*command: str) -> str:
        done = subprocess.run(
            [ASIMOV, *command], cwd=trapped, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONSAFEPATH": ""},
        )  # fmt: skip
        assert not sprung(trapped, trapped / ".asimov/local"), sprung(trapped)
        assert done.returncode == 0, done
        return done.stdout

    return one


@pytest.fixture
def webhook() -> Iterator[tuple[str, threading.Event]]:
    """A webhook's address, and what is set once it has received something."""
    received = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            received.set()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.1)


def test_no_command_and_nothing_that_a_pass_starts_imports_files_of_a_project(
    trapped: Path, run: Run, webhook: tuple[str, threading.Event]
) -> None:
    run("init", "Traps", "--scheduler", "local")
    run("configuration", "update", "notify hook/webhook", webhook[0])
    run("apply", "-f", "blueprint.yaml")
    queue = trapped / ".asimov/local"
    queue.mkdir(exist_ok=True)
    lay_traps(queue)
    run("monitor", "--chain", "--until-idle", "--interval", "0.2", "--timeout", "300")
    assert "uploaded" in run("status")
    assert webhook[1].wait(60), "no notification was sent"


@pytest.mark.long
@pytest.mark.parametrize("keeper", ["process", "job"])
def test_no_monitor_that_is_kept_running_imports_files_of_a_project(run: Run, keeper: str) -> None:
    run("init", "Traps", "--scheduler", "local")
    run("apply", "-f", "blueprint.yaml")
    run("start", "--as", keeper)
    wait_for(lambda: "uploaded" in run("status"), f"uploaded by a monitor as {keeper}")
    run("stop")


@pytest.mark.long
def test_no_process_of_a_service_imports_files_of_a_project(trapped: Path, run: Run) -> None:
    run("init", "Traps", "--scheduler", "local")
    run("apply", "-f", "blueprint.yaml")
    command = [ASIMOV, "serve", "--monitor", "--port", "0"]
    with subprocess.Popen(command, cwd=trapped, stdout=subprocess.PIPE) as service:
        try:
            wait_for(lambda: "uploaded" in run("status"), "uploaded by the service's monitor")
        finally:
            service.terminate()
    assert not sprung(trapped, trapped / ".asimov/local")
