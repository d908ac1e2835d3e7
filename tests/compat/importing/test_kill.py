"""An import that is killed leaves nothing, or a change that the next command finishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.journal.documents import Documents
from asimov.journal.keys import Key
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from tests.compat.importing.test_move import tree
from tests.killing import server
from tests.searching import LONGER
from tests.sharded import installed

BOUNDARIES = ("before a commit", "after a commit", "before a sync", "after a sync")
#: Of so many boundaries in a row one is tried, another one each time that the search is longer.
STEP = max(1, int(7 / LONGER))
IMPORT = ("ledger", "import", "--without-scheduler")


def test_an_import_that_is_killed_at_any_write_is_all_or_nothing(
    project: Path, old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed(tmp_path / "packages")))
    source = str(old("yamlfile"))
    before = tree(Path(source))
    outcomes = set()
    number = 1
    with server(project) as commands:
        while True:
            root = str(tmp_path / f"killed-{number}")
            assert commands.run("init", "New", "--root", root, "--scheduler", "local")[1] == 0
            again = ("--project", root, *IMPORT, source)
            killed, _ = commands.run(*again, names=BOUNDARIES, at=number)
            _, code = commands.run(*again)
            assert code in {0, 1}, (number, killed)
            outcomes.add(code)
            _check(Path(root), f"killed {killed} number {number}, then {code}")
            if killed is None:
                break
            number += STEP
    print(number, "boundaries")
    assert number > STEP
    assert outcomes == {0, 1}  # it was killed before and after the commit that counts
    assert tree(Path(source)) == before


def _check(root: Path, what: str) -> None:
    workspace = Workspace.open(root)
    assert workspace.contents.entries.keys() == workspace.records.keys(), what
    assert len(workspace.records) == 7, what
    done = Key("GW1", "done")
    assert workspace.records[done].status == "uploaded", what
    assert workspace.facts[done]["review"]["status"] == "approved", what
    assert Store(workspace.project.results).fetch_file(*done, "results.dat").is_file()
    repository = workspace.subject("GW1").repository
    assert repository.find_prods("done"), what
    assert "Added analyses/done.ini" in repository.repository.git.log(), what
    assert not Documents(workspace.journal).changes(), what
    workspace.journal.close()
