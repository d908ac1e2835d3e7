"""Projects that published packages run in, each package in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ran, stop_local_scheduler
from tests.htcondor.conftest import pool_fault

#: Where tools/plugin-environment makes the environments.
ENVIRONMENTS = Path(__file__).parents[2] / "build" / "plugins"
BLUEPRINTS = Path(__file__).parent / "blueprints"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all of these tests, so that ``make test`` leaves them out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.published)


def unavailable(text: str) -> None:
    """Skip loudly what can't be tested here; fail where CI=true."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


@pytest.fixture(scope="session")
def pool() -> None:
    """Need a pool."""
    if fault := pool_fault():
        unavailable(f"NO HTCONDOR POOL, NO PUBLISHED PIPELINE IS RUN HERE ({fault})")


def environment(name: str) -> Path:
    """Return the folder of a package's environment."""
    folder = ENVIRONMENTS / name
    if not (folder / "installed.txt").exists():
        unavailable(f"NO ENVIRONMENT {name}: tools/plugin-environment make {name}")
    return folder


class Place:
    """A project, and the asimov of a package's environment.

    Parameters
    ----------
    root
        The project's folder.
    prefix
        The environment's.
    """

    def __init__(self, root: Path, prefix: Path) -> None:
        self.root = root
        self.prefix = prefix

    def run(self, *command: object, code: int = 0, path: Path | None = None) -> Ran:
        """Run ``asimov COMMAND...``; ``path`` is a folder of programs that go before all others."""
        folders = [str(each) for each in (path, self.prefix / "bin") if each]
        done = subprocess.run(
            [self.prefix / "bin" / "asimov", *map(str, command)],
            cwd=self.root,
            env={**os.environ, "PATH": os.pathsep.join([*folders, os.environ["PATH"]])},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert ran.code == code, f"asimov {' '.join(map(str, command))}: {ran}{self.log()}"
        return ran

    def apply(self, name: str) -> Ran:
        """Apply a file of blueprints beside these tests."""
        return self.run("apply", "-f", BLUEPRINTS / name)

    def write(self, text: str) -> None:
        """Write ``blueprint.yaml``."""
        (self.root / "blueprint.yaml").write_text(text)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows of ``asimov status``, by the analyses' names."""
        return {row["name"]: row for row in json.loads(self.run("status", "--json").out)}

    def states(self) -> dict[str, str]:
        """Return the analyses' states, by their names."""
        return {name: row["status"] for name, row in self.rows().items()}

    def clusters(self) -> int:
        """Return how many jobs the queue or its history has of the project, DAGs' nodes apart."""
        project = self.run("configuration", "show", "project/id").out.strip()
        found: set[str] = set()
        for tool in ("condor_q", "condor_history"):
            told = subprocess.run(
                [tool, "-constraint", f'AsimovProject == "{project}" && DAGManJobId is undefined',
                 "-af", "ClusterId"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found |= set(told.stdout.split())
        return len(found)

    def log(self) -> str:
        """Return the end of asimov's log, for the message of a failure."""
        path = self.root / "logs" / "asimov.log"
        return path.read_text()[-6000:] if path.exists() else ""

    def monitor(
        self, *options: str, until: dict[str, str], seconds: float = 900, stuck: bool = False,
        code: int = 0,
    ) -> list[dict[str, str]]:  # fmt: skip
        """Do passes until the analyses have these states; return all that they have had.

        What is stuck ends the test, unless some may be. Each pass ends with the exit code.
        """
        end = time.monotonic() + seconds
        seen = [self.states()]
        while not until.items() <= seen[-1].items():
            ran = self.run("monitor", *options, code=code)
            states = self.states()
            assert stuck or "stuck" not in states.values(), f"{states}: {ran}{self.log()}"
            assert time.monotonic() < end, f"{states} after {seconds} s: {ran}{self.log()}"
            if states != seen[-1]:
                seen.append(states)
            time.sleep(0.5)
        return seen


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Make projects: ``place("bilby", scheduler="htcondor")``; what is left of jobs is removed."""
    made: list[Place] = []

    def make(name: str, scheduler: str = "htcondor") -> Place:
        root = tmp_path / f"project-{len(made)}"
        root.mkdir()
        new = Place(root, environment(name))
        new.run("init", f"Published pipelines: {name}", "--scheduler", scheduler)
        made.append(new)
        return new

    yield make
    stop_local_scheduler(tmp_path)
    for each in made:
        if not shutil.which("condor_rm"):
            break
        project = each.run("configuration", "show", "project/id").out.strip()
        subprocess.run(
            ["condor_rm", "-constraint", f'AsimovProject == "{project}"'],
            check=False, capture_output=True,
        )  # fmt: skip
