"""One transaction changes the ledger, whoever asks for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.journal.confirmed_removals import forget, forgotten
from asimov.journal.keys import Key
from asimov.ledger.plan import Change, Plan
from asimov.project.transaction import change_ledger
from asimov.project.workspace import Workspace

KEY = Key("s", "a")


def plan() -> Plan:
    return Plan(
        [Change("add", "analysis s/a")],
        {KEY: "ready"},
        {
            "subjects/s.yaml": {
                "kind": "subject",
                "name": "s",
                "analyses": [{"name": "a", "pipeline": "simpletestpipeline"}],
            }
        },
    )


def test_what_is_planned_is_written_and_recorded(project: Path) -> None:
    workspace = Workspace.open(project)
    with workspace.files.lock():
        forget(workspace.journal, [KEY], "me", "removed before")
    with change_ledger(workspace, "a test") as change:
        change.write(made := plan())
    assert made.comments_lost == []
    assert not forgotten(workspace.journal)
    workspace.reload()
    assert list(workspace.contents.entries) == [KEY]
    assert workspace.records[KEY].reason == "added by a test"


def test_a_plan_that_raises_writes_nothing(project: Path) -> None:
    workspace = Workspace.open(project)
    with pytest.raises(AsimovError, match="refused"), change_ledger(workspace, "a test"):
        raise AsimovError("refused")
    workspace.reload()
    assert not workspace.contents.entries
    assert not workspace.records


def test_the_plan_is_made_for_the_ledger_as_it_is_under_the_lock(project: Path) -> None:
    mine, other = Workspace.open(project), Workspace.open(project)
    with change_ledger(other, "another command") as change:
        change.write(plan())
    with change_ledger(mine, "a test"):
        assert list(mine.contents.entries) == [KEY]


def test_a_dry_run_writes_nothing_and_waits_for_nobody(project: Path) -> None:
    workspace = Workspace.open(project, reading=True)
    other = Workspace.open(project)
    with other.files.lock(), change_ledger(workspace, "a test", dry_run=True) as change:
        change.write(plan())
    assert not (project / "ledger" / "subjects" / "s.yaml").exists()


def test_nothing_else_writes_the_ledger() -> None:
    """Only the transaction uses `asimov.ledger.append`; the history describes its texts."""
    root = Path(__file__).parents[2] / "asimov"
    importing = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "asimov.ledger.append"
    }
    assert importing == {"project/transaction.py", "project/history.py", "engine/importing/move.py"}
