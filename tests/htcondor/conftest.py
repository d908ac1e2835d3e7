"""The real pool that these tests need."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.observations import Gone, Observation, Unknown


def pool_fault() -> str | None:
    """Return why no pool can be used; None where one can."""
    try:
        asked = subprocess.run(
            ["condor_status", "-schedd", "-af", "Name"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"condor_status: {error}"
    if asked.returncode or not asked.stdout.strip():
        return f"condor_status finds no schedd: {asked.stderr.strip()}"
    return None


@pytest.fixture(scope="session")
def pool() -> None:
    """Need a pool: skip loudly without one, fail where CI=true."""
    fault = pool_fault()
    if fault:
        text = f"NO HTCONDOR POOL, NOTHING OF IT IS TESTED HERE ({fault}); tools/htcondor-pool"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(text, pytrace=False)
        pytest.skip(text)


@pytest.fixture(scope="module")
def project() -> str:
    return f"test-{uuid.uuid4()}"


@pytest.fixture(scope="module")
def condor(
    pool: None, project: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HTCondor]:
    """A scheduler for its own project; its remaining jobs are removed at the end."""
    config = ConfigParser()
    config.read_dict({"project": {"id": project}})
    yield HTCondor.from_project(tmp_path_factory.mktemp("project"), config)
    subprocess.run(
        ["condor_rm", "-constraint", f'AsimovProject == "{project}"'],
        check=False,
        capture_output=True,
    )


class Asking:
    """Asks a scheduler about one attempt until the answer is the expected one."""

    def __init__(self, scheduler: HTCondor) -> None:
        self.scheduler = scheduler

    def once(
        self, uid: str, job_id: int | None = None, *logs: Path, since: float | None = None
    ) -> Observation:
        when = time.time() - 600 if since is None else since
        ticket = Ticket(uid, job_id, when, tuple(str(log) for log in logs))
        return self.scheduler.observe([ticket])[uid]

    def until(
        self,
        wanted: Callable[[Observation], bool],
        uid: str,
        job_id: int | None = None,
        *logs: Path,
        seconds: float = 300,
    ) -> Observation:
        end = time.monotonic() + seconds
        # The schedd of a busy machine may not answer in its time.
        while isinstance(answer := self.once(uid, job_id, *logs), Unknown) or not wanted(answer):
            if time.monotonic() > end:
                pytest.fail(f"after {seconds} s still {answer}")
            time.sleep(0.1)
        return answer

    def end(self, uid: str, job_id: int | None = None, *logs: Path) -> Gone:
        answer = self.until(lambda a: isinstance(a, Gone), uid, job_id, *logs)
        assert isinstance(answer, Gone)
        return answer

    def logged(self, uid: str, job_id: int | None, *logs: Path) -> Gone:
        """Ask until the event log tells the end; for a moment the queue may tell it, too."""
        answer = self.until(
            lambda a: isinstance(a, Gone) and a.evidence == "event log", uid, job_id, *logs
        )
        assert isinstance(answer, Gone)
        return answer

    def left(self, uid: str, job_id: int | None = None) -> Gone:
        """Ask until all of a job is in the history; for a moment after its end it is not."""
        answer = self.until(lambda a: isinstance(a, Gone) and a.evidence == "history", uid, job_id)
        assert isinstance(answer, Gone)
        return answer


@pytest.fixture(scope="module")
def ask(condor: HTCondor) -> Asking:
    return Asking(condor)


class OnAPool:
    """A project on the pool."""

    def __init__(self, root: Path, asimov: Callable[..., Any]) -> None:
        self.root = root
        self.asimov = asimov

    def run(self, *command: object, code: int = 0) -> Any:
        ran = self.asimov(*command)
        assert ran.code == code, ran
        return ran

    def finish(self, code: int = 0) -> Any:
        until = ("--until-idle", "--interval", "0.5", "--timeout", "400")
        return self.run("monitor", "--chain", *until, code=code)

    def states(self) -> dict[str, str]:
        told = json.loads(self.run("status", "--json").out)
        return {f"{row['subject']}/{row['name']}": row["status"] for row in told}

    def attempts(self, subject: str, name: str) -> list[dict[str, Any]]:
        told = json.loads(self.run("production", "show", subject, name, "--json").out)
        attempts: list[dict[str, Any]] = told["attempts"]
        return attempts

    def jobs(self) -> list[str]:
        """Return the project's clusters that the pool has or had, without DAG nodes."""
        name = self.run("configuration", "show", "project/id").out.strip()
        found = []
        for tool in ("condor_q", "condor_history"):
            done = subprocess.run(
                [tool, "-constraint", f'AsimovProject == "{name}" && DAGManJobId is undefined',
                 "-af", "ClusterId"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found += done.stdout.split()
        return sorted(set(found))

    def apply(self, text: str) -> None:
        path = self.root / "blueprint.yaml"
        path.write_text(text)
        self.run("apply", "-f", path)


@pytest.fixture
def on_a_pool(
    pool: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asimov: Callable[..., Any]
) -> Iterator[OnAPool]:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    made = OnAPool(root, asimov)
    made.run("init", "On a pool", "--scheduler", "htcondor")
    name = made.run("configuration", "show", "project/id").out.strip()
    yield made
    subprocess.run(
        ["condor_rm", "-constraint", f'AsimovProject == "{name}"'], check=False, capture_output=True
    )
