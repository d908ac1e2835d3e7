from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path

import pytest

from asimov.scheduler.jobs import Ticket
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.local.claims import Life, read_claim
from asimov.scheduler.observations import Gone, Observation, Present


class Bench:
    """A local scheduler in its own project, with ways to wait for it and to kill it."""

    def __init__(self, root: Path, processes: int = 2) -> None:
        self.root = root
        config = ConfigParser()
        config.read_dict({"local": {"processes": str(processes), "grace": "0.5"}})
        self.scheduler = LocalScheduler.from_project(root, config)

    def see(self, job: int, uid: str = "asked") -> Observation:
        """Observe a job; one that was submitted with a tag needs its identity."""
        return self.scheduler.observe([Ticket(uid, job, 0.0)])[uid]

    def until(self, what: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)

    def gone(self, job: int, uid: str = "asked") -> Gone:
        self.until(lambda: isinstance(self.see(job, uid), Gone))
        answer = self.see(job, uid)
        assert isinstance(answer, Gone)
        return answer

    def state(self, job: int) -> str:
        answer = self.see(job)
        return answer.state.value if isinstance(answer, Present) else "gone"

    def runner(self) -> int:
        """The runner's process id, 0 where none is alive."""
        return self.alive(self.scheduler.spool.runner)

    def alive(self, claim: Path) -> int:
        """The process id of a runner or a keeper from its claim, 0 where it is dead."""
        try:
            life, (pid, _), *_ = read_claim(claim)
        except FileNotFoundError:
            return 0
        return pid if life is Life.ALIVE else 0

    def kill_runner(self) -> None:
        """Kill the runner of jobs that are not at their end: one without any ends by itself."""
        self.until(self.runner)
        self.end_runner()

    def end_runner(self) -> None:
        """Kill the runner, unless it has ended by itself."""
        pid = self.runner()
        self.kill(pid)
        self.until(lambda: not pid or self.runner() != pid)

    def kill(self, pid: int) -> None:
        """Kill a runner or a keeper, which may have ended by itself since it was looked for."""
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture(autouse=True)
def _preloaded_runners() -> None:
    """Let runners start as they do for users."""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    bench = Bench(root)
    yield bench
    spool = bench.scheduler.spool
    if spool.exists():
        with spool.connect() as db:
            live = db.execute("SELECT id, uid FROM clusters WHERE state != 'gone'").fetchall()
        for job, _ in live:
            bench.scheduler.remove(job)
        for job, uid in live:
            bench.gone(job, uid or "asked")
        bench.kill(bench.runner())
