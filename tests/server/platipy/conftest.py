"""A project with functions that is served, and clients of PlatiPy's protocol with their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from asimov.cli import cli
from asimov.journal.access_keys import AccessKeys
from asimov.project.workspace import Workspace
from asimov.server.app import application
from asimov.server.options import Options
from tests.server.conftest import Service, asking_from

MODULE = '''
import json
from pathlib import Path
from asimov.functions import DataObject, app

@app.register("Show Settings", default_settings={"a": 1, "deep": {"b": [2], "c": None}})
def show(data_objects, working_dir, settings):
    """Write the settings, and a file beside each input."""
    path = Path(working_dir, "settings.json")
    path.write_text(json.dumps(settings))
    made = [DataObject(path=str(path), meta_data={"n": len(data_objects)})]
    for each in data_objects:
        if "boom" in Path(each.path).read_text():
            raise ValueError("boom in " + Path(each.path).name)
        path = Path(working_dir, "of-" + Path(each.path).name)
        path.write_text(Path(each.path).read_text().upper())
        made.append(DataObject(path=str(path), parent=each, meta_data=each.meta_data))
    made.append(DataObject(path=str(path), parent=made[-1]))
    return made

@app.register("Two Arguments")
def two(data_objects, working_dir):
    path = Path(working_dir, "two.txt")
    path.write_text("two")
    return [DataObject(path=str(path))]
'''


def asimov(root: Path, *arguments: str, code: int = 0) -> str:
    """Run a command in a project, in this process; it ends with the exit code."""
    ran = CliRunner().invoke(cli, ["--project", str(root), *arguments], catch_exceptions=False)
    assert ran.exit_code == code, ran.output
    return ran.output


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with functions."""
    folder = tmp_path_factory.mktemp("platipy") / "project"
    made = ["init", "Served", "--root", str(folder), "--scheduler", "local"]
    assert CliRunner().invoke(cli, made, catch_exceptions=False).exit_code == 0
    (folder / "service.py").write_text(MODULE)
    asimov(folder, "configuration", "update", "functions/modules", "service")
    return folder


@pytest.fixture(scope="module")
def keys(root: Path) -> dict[str, str]:
    """Return keys of it, by their names."""
    with closing(Workspace.open(root).journal) as journal:
        known = AccessKeys(journal)
        return {
            "ada": known.add("ada", "ada"),
            "bob": known.add("bob", "bob"),
            "often": known.add("often", "ada", rate=1_000_000),
            "reader": known.add("reader", "ada", read_only=True),
        }


@pytest.fixture(scope="module")
def nobody(root: Path) -> Iterator[TestClient]:
    """Return a client on this machine that has no key."""
    here = ("127.0.0.1", 50000)
    with TestClient(application(Options(root)), "http://127.0.0.1:8642", client=here) as made:
        yield made


@pytest.fixture(scope="module")
def ada(nobody: TestClient, keys: dict[str, str]) -> TestClient:
    """Return a client with a key, in the header that PlatiPy's client sends it in."""
    return asking_from(nobody, "127.0.0.1", API_KEY=keys["ada"])


@pytest.fixture(scope="module")
def bob(nobody: TestClient, keys: dict[str, str]) -> TestClient:
    """Return a client with another key."""
    return asking_from(nobody, "127.0.0.1", API_KEY=keys["bob"])


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """Start services with the monitor of theirs; at the end both end in good order."""
    started: list[Service] = []

    def start(root: Path, *options: str) -> Service:
        started.append(Service(root, *options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end()
        each.process.wait()
