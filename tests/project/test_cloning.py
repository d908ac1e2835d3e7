"""``asimov project clone``: a copy of its own of a project that is at work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.long
@pytest.mark.parametrize("left", ["nothing", "a log"])
def test_what_may_only_be_read_is_copied(lab: Any, tmp_path: Path, left: str) -> None:
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    inside = ["unshare", "-rm", "/bin/sh", "-c", script, str(lab.root)]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("no mounts can be made here")
    lab.apply(f"a, {SHELL}, arguments: [-c, 'echo 1 > x']")
    lab.finish()
    copy = tmp_path / "copy"
    command = [sys.executable, "-m", "asimov", "project", "clone", str(lab.root), str(copy)]
    with closing(Journal(lab.root / ".asimov" / "journal.db")) as journal:
        if left == "nothing":
            journal.close()
        done = subprocess.run([*inside, *command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(lab.run("--project", copy, "status", "--json").out)
    assert [row["status"] for row in rows] == ["uploaded"]


@pytest.mark.long
def test_the_copy_of_what_nobody_may_write_to_can_be_written_to(lab: Any, tmp_path: Path) -> None:
    lab.apply(f"a, {SHELL}, arguments: [-c, 'echo 1 > x']")
    lab.finish()
    everywhere = [lab.root, *lab.root.rglob("*")]
    modes = {path: path.stat().st_mode for path in everywhere if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    copy = tmp_path / "copy"
    lab.run("project", "clone", lab.root, copy)
    for path, mode in modes.items():
        path.chmod(mode)
    results = copy / "results"
    for path in [copy, *copy.rglob("*")]:
        stays = path.is_relative_to(results) or path.stat().st_nlink > 1 or path.name == "here"
        if path.is_dir() or not stays:
            assert path.stat().st_mode & 0o200, path
    assert not (results / "s" / "a" / "x").stat().st_mode & 0o222
