"""``asimov project clone``: a copy of its own of a project that is at work."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from asimov.journal.access_keys import AccessKeys, matching
from asimov.journal.journal import Journal
from tests.lab import everything, lab

__all__ = ["everything", "lab"]

SHELL = "pipeline: command, executable: /bin/sh, outputs: {x: x}"


def test_a_project_at_work_is_copied_and_goes_on_as_it_was(
    lab: Any, everything: Any, tmp_path: Path
) -> None:
    made = "arguments: [-c, 'echo 1 > x']"
    lab.apply(f"a, {SHELL}, {made}", f"same, {SHELL}, {made}")
    lab.finish()
    lab.apply(f"long, {SHELL}, arguments: [-c, 'sleep 600']")
    lab.run("monitor", "--chain")
    key = lab.run("manage", "key", "--add", "ada").out.split()[-1]
    before, states = lab.dump(), lab.states()
    assert states == {"a": "uploaded", "same": "uploaded", "long": "running"}
    copy = tmp_path / "copies" / "copy"
    said = lab.run("project", "clone", lab.root, copy).out
    assert f"Copied {lab.root} to {copy}\n" in said
    assert "1 left to the original project, and stuck here: s/long" in said
    assert lab.dump() == before and lab.states() == states
    rows = json.loads(lab.run("--project", copy, "status", "--json").out)
    assert {row["name"]: row["status"] for row in rows} == {**states, "long": "stuck"}
    assert "all as they were stored" in lab.run("--project", copy, "store", "verify").out
    stored = [copy / "results" / "s" / name / "x" for name in ("a", "same")]
    assert stored[0].samefile(stored[1]) and stored[0].stat().st_mode & 0o222 == 0
    kept = everything(lab.root / "results")
    assert everything(copy / "results") == kept
    identities = {
        lab.run("--project", each, "configuration", "show", "project/id").out
        for each in (lab.root, copy)
    }
    assert len(identities) == 2
    # Who has a key of the original has none of the copy.
    for root, valid in ((lab.root, True), (copy, False)):
        with closing(Journal(root / ".asimov" / "journal.db")) as journal:
            found = matching(AccessKeys(journal).all(), key)
            assert (found is not None and found.revoked is None) == valid
    # Each acts on its own.
    lab.run("--project", copy, "rm", "s/long", "--yes")
    lab.run("cancel", "s/long", "--yes")
    assert lab.states()["long"] == "cancelled"
    assert "already exists" in lab.run("project", "clone", lab.root, copy, code=1).err
    inside = lab.root / "data" / "copy"
    assert "is inside the project" in lab.run("project", "clone", lab.root, inside, code=1).err
    assert (
        "is not the root of a project"
        in lab.run("project", "clone", lab.root / "ledger", code=1).err
    )
    assert sorted(path.name for path in copy.parent.iterdir()) == ["copy"]
    assert not inside.parent.exists()
