"""The record of built nodes, and what tells whether one of them is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.pipeline.node_record import FILE, NodeRecord, fingerprints
from asimov.pipeline.nodes import Input, Node


def nodes(root: Path, gain: str = "1") -> list[Node]:
    inputs = [Input(str(root / each)) for each in ("data", "folder", "run/config")]
    first = Node("first", "/bin/sh", [gain], inputs=inputs, outputs=["made"])
    return [first, Node("second", "/bin/sh", [Input(str(root / "run/made"))], after=["first"])]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "run").mkdir()
    for name in ("data", "run/config", "run/made"):
        (tmp_path / name).write_text("1")
    return tmp_path


def marks(root: Path, gain: str = "1") -> dict[str, str]:
    return fingerprints(nodes(root, gain), {}, None, root / "run")


@pytest.mark.parametrize(
    ("change", "only_files", "unchanged"),
    [
        ("", True, {"first", "second"}),
        ("data", True, set()),
        ("run/config", False, set()),  # the pipeline's own doing
        ("run/made", True, {"first", "second"}),  # a node's
        ("folder/new", False, set()),
        ("gain", False, set()),
    ],
)
def test_files_from_outside_are_told_from_all_else(
    root: Path, change: str, only_files: bool, unchanged: set[str]
) -> None:
    NodeRecord(marks(root)).write(root / "run")
    record = NodeRecord.read(root / "run")
    if change not in {"", "gain"}:
        (root / change).write_text("2")
    now = marks(root, "2" if change == "gain" else "1")
    assert record.same_but_files(now) is only_files
    assert record.unchanged(nodes(root), {"first", "second"}, now) == unchanged


def test_a_node_that_is_gone_or_new_is_more_than_a_file(root: Path) -> None:
    whole = marks(root)
    fewer = {"first": whole["first"]}
    assert NodeRecord(whole).same_but_files(whole)
    assert not NodeRecord(whole).same_but_files(fewer)
    assert not NodeRecord(fewer).same_but_files(whole)


@pytest.mark.parametrize("text", [None, "", "{", '{"built": 3}'])
def test_a_record_that_can_not_be_read_is_empty(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)
    assert NodeRecord.read(tmp_path) == NodeRecord()
