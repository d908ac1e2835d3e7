"""Damaged stored results: noticed by status without reading them, and remembered once verified."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab

__all__ = ["lab"]

SHELL = "pipeline: command, executable: /bin/sh, rerun: automatic"


@pytest.fixture
def made(lab: Any) -> Any:
    """An analysis with three products, and one that is made from it; both run by themselves."""
    shell = "echo 1 > x; mkdir d; echo 2 > d/y; echo 3 > z"
    lab.apply(
        f"a, {SHELL}, outputs: {{x: x, d: d, z: z}}, arguments: [-c, '{shell}']",
        f"b, {SHELL}, needs: [a], outputs: {{c: c}}, arguments: [-c, 'cat {{{{ assets.x }}}} > c']",
    )
    lab.finish()
    assert reasons(lab) == []
    return lab


def reasons(lab: Any) -> list[str]:
    rows = lab.rows()
    assert rows["b"]["outdated"] == rows["b"]["in_doubt"] == []
    return list(rows["a"]["outdated"])


def change(path: Path, text: str, *, times: tuple[int, int] | None = None) -> None:
    """Write into a stored file, as a disk or a person may."""
    path.chmod(0o644)
    path.write_text(text)
    if times:
        os.utime(path, ns=times)


def test_what_is_missing_or_has_another_size_is_no_longer_current(made: Any) -> None:
    stored = made.root / "results" / "s" / "a"
    kept = made.root / "kept"
    shutil.copytree(stored, kept, symlinks=True)
    (stored / "x").unlink()
    missing = "its stored product x is damaged: it does not exist"
    assert reasons(made) == [missing]
    assert missing in made.run("status").out
    why = made.run("why", "s/a").out
    assert f"results: {missing}" in why and "'asimov store verify s/a' lists and checks" in why
    assert f"s/a: {missing}" in made.run("rerun", "s/a", "-n").out
    assert f"s/a: {missing}" in made.run("rerun", "--outdated", "-n").out
    # Nothing runs again by itself: a disk may be away for an hour.
    made.run("monitor", "--chain")
    assert made.states() == {"a": "uploaded", "b": "uploaded"}
    shutil.copy2(kept / "x", stored / "x")
    assert reasons(made) == []
    change(stored / "d" / "y", "longer\n")
    assert reasons(made) == ["its stored product d/y is damaged: it has 7 bytes, not 2"]
    shutil.copy2(kept / "d" / "y", stored / "d" / "y")
    # One that was written later is read.
    later = (stored / "z").stat().st_mtime_ns + 10**12
    change(stored / "z", "4\n", times=(later, later))
    assert reasons(made) == ["its stored product z is damaged: its checksum differs"]
    change(stored / "z", "3\n", times=(later + 1, later + 1))
    assert reasons(made) == []
    (stored / "manifest.json").write_text("{")
    assert reasons(made) == ["the manifest of its results is not a valid manifest"]
    (stored / "manifest.json").unlink()
    assert reasons(made) == ["its results are recorded as stored, but nothing is stored"]


def test_what_was_verified_is_remembered_until_it_is_mended(made: Any) -> None:
    stored = made.root / "results" / "s" / "a" / "z"
    before = stored.stat()
    change(stored, "4\n", times=(before.st_atime_ns, before.st_mtime_ns))
    assert reasons(made) == [], "nothing but its content is different"
    made.run("store", "verify", "s/b")
    assert reasons(made) == []
    made.run("store", "verify", code=1)
    damaged = ["its stored product z is damaged: its checksum differs"]
    assert reasons(made) == damaged
    assert f"s/a: {damaged[0]}" in made.run("rerun", "s/a", "-n").out
    # A check that reads nothing takes nothing back, and a new name keeps it.
    made.run("store", "verify", "--quick")
    assert reasons(made) == damaged
    made.run("mv", "s/a", "s/other")
    assert made.rows()["other"]["outdated"] == damaged
    made.run("mv", "s/other", "s/a")
    stored.unlink()
    stored.touch()
    change(stored, "3\n", times=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert reasons(made) == []
    assert "all as they were stored" in made.run("store", "verify").out
    assert reasons(made) == []
    # Made again, it is whole.
    change(stored, "4\n", times=(before.st_atime_ns, before.st_mtime_ns))
    made.run("store", "verify", code=1)
    made.run("rerun", "s/a", "--yes")
    made.finish()
    assert made.rows()["a"]["outdated"] == []
