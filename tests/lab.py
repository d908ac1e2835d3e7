"""A project with pipelines of the test's own, and ways to see what becomes of its analyses."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.discovery import entrypoints
from asimov.journal.records import Attempt
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, Observation, Ticket

#: The seconds that something may take which happens at once on an idle machine.
PATIENCE = 120


class Waiting(SimpleTestPipeline):
    """The simple test pipeline; its job waits until `Lab.let_go`, however long a test takes."""

    def build_dag(self, dryrun: bool = False) -> None:
        """Write the DAG, and have the node's script wait for a file."""
        super().build_dag(dryrun)
        if not dryrun:
            script = Path(self.production.rundir, "node.sh")
            script.write_text(f"until [ -e go ]; do sleep 0.02; done\n{script.read_text()}")


class Lab:
    """A project on the local scheduler."""

    def __init__(self, root: Path, asimov: Callable[..., Any], pipelines: dict[str, Any]) -> None:
        self.root = root
        self.asimov = asimov
        self._pipelines = pipelines

    def register(self, name: str, pipeline: Any) -> None:
        """Have a pipeline found, as if a package had published it."""
        self._pipelines[name] = SimpleNamespace(
            name=name, load=lambda: pipeline, dist=None, value="test:pipeline"
        )
        entrypoints.load.cache_clear()

    def apply(self, *analyses: str, update: bool = False, force: bool = False) -> None:
        """Add analyses of the subject ``s``: ``a, needs: [b]``, of the simple test pipeline."""
        text = "{kind: subject, name: s}\n"
        for each in analyses:
            pipeline = "" if "pipeline:" in each else ", pipeline: simpletestpipeline"
            text += f"---\n{{kind: analysis, event: s, name: {each}{pipeline}}}\n"
        path = self.root / "blueprint.yaml"
        path.write_text(text)
        self.run("apply", "-f", path, *["--update"] * update, *["--force"] * force)

    def write_by_hand(self, name: str, **settings: Any) -> None:
        """Set what `asimov apply` may refuse of an analysis of ``s``, in the ledger's file."""
        path = self.root / "ledger" / "subjects" / "s.yaml"
        data = yaml.safe_load(path.read_text())
        (found,) = (each for each in data["analyses"] if each["name"] == name)
        found.update(settings)
        path.write_text(yaml.safe_dump(data))

    def run(self, *command: object, code: int = 0) -> Any:
        """Run a command, which ends with the exit code."""
        ran = self.asimov(*command)
        assert ran.code == code, ran
        return ran

    def finish(self, code: int = 0) -> Any:
        """Run everything to its end."""
        until = ("--until-idle", "--interval", "0.1", "--timeout", "300")
        return self.run("monitor", "--chain", *until, code=code)

    def rows(self) -> dict[str, dict[str, Any]]:
        told = json.loads(self.run("status", "--json").out)
        return {row["name"]: row for row in told}

    def states(self) -> dict[str, str]:
        return {name: row["status"] for name, row in self.rows().items()}

    def reason(self, name: str) -> str:
        return str(self.rows()[name]["reason"])

    def rundir(self, name: str) -> Path:
        return self.root / "working" / "s" / name

    def config(self, name: str) -> Path:
        return self.root / "checkouts" / "s" / "analyses" / f"{name}.ini"

    def open(self) -> Workspace:
        """Open the project anew; the test closes the journal, or leaves it to its end."""
        return Workspace.open(self.root)

    def attempts(self, name: str) -> list[Attempt]:
        with closing(self.open().journal) as journal:
            return journal.attempts(("s", name))

    def observe(self, name: str) -> Observation:
        last = self.attempts(name)[-1]
        workspace = self.open()
        workspace.journal.close()
        return workspace.scheduler().observe([Ticket(last.uid, last.job_id, last.intended)])[
            last.uid
        ]

    def until(self, name: str, wanted: Callable[[Observation], bool] | None = None) -> Observation:
        """Wait for what the scheduler says of an analysis's last job, by default that it ended."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.observe(name)
            if wanted(answer) if wanted else isinstance(answer, Gone):
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.02)

    def wait_for(self, name: str, file: str) -> None:
        """Wait for a file in an analysis's run directory, such as one that its job opens."""
        end = time.monotonic() + PATIENCE
        while not (self.rundir(name) / file).exists():
            assert time.monotonic() < end, f"{file} was not made"
            time.sleep(0.02)

    def let_go(self, name: str) -> None:
        """Let the job of an analysis of the pipeline `Waiting` go on."""
        (self.rundir(name) / "go").touch()

    def dump(self) -> list[str]:
        """Return all that is in the journal, but its cache of the ledger's parsed files."""
        with closing(sqlite3.connect(self.root / ".asimov" / "journal.db")) as db:
            return [line for line in db.iterdump() if 'INTO "documents"' not in line]

    def jobs(self) -> list[tuple[int, str | None]]:
        """Return every cluster in the local queue that is no node, with its attempt."""
        with closing(sqlite3.connect(next((self.root / ".asimov" / "local").glob("*.db")))) as db:
            return list(db.execute("SELECT id, uid FROM clusters WHERE dag IS NULL ORDER BY id"))


@contextmanager
def registering(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Have the pipelines of a mapping found, as if packages had published them."""
    pipelines: dict[str, Any] = {}
    real = entrypoints.found
    monkeypatch.setattr(
        entrypoints,
        "found",
        lambda group: {**real(group), **(pipelines if group == entrypoints.PIPELINES else {})},
    )
    yield pipelines
    entrypoints.load.cache_clear()


@pytest.fixture
def lab(
    project: Path, asimov: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    with registering(monkeypatch) as pipelines:
        made = Lab(project, asimov, pipelines)
        made.run("configuration", "update", "local/processes", "20")
        yield made


@pytest.fixture
def simple() -> type[SimpleTestPipeline]:
    """The pipeline that tests derive theirs from."""
    return SimpleTestPipeline


@pytest.fixture
def everything() -> Callable[[Path], dict[str, tuple[bytes, float]]]:
    """Return every file of a folder with content and time, but SQLite's, locks and the log.

    Nor does it tell of the local queue's files of attempts, which its runner removes a moment after
    their ends are known.
    """

    def look(root: Path) -> dict[str, tuple[bytes, float]]:
        left_out = (".db", ".db-wal", ".db-shm", "asimov.log", ".lock")
        attempts = root / ".asimov" / "local" / "runs"
        return {
            str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime)
            for path in sorted(root.rglob("*"))
            if path.parent != attempts and path.is_file() and not path.name.endswith(left_out)
        }

    return look
