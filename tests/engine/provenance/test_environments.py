"""The environment that a job ran in is recorded, and another one makes another result."""

from __future__ import annotations

import json
import os
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab

__all__ = ["lab"]

#: What a script prints with the package of its environment.
PRINT = "import foo\nprint(foo.VERSION)\n"


def install(environment: Path, version: str) -> None:
    """Put a package into an environment in the place of its former version, as pip does."""
    (packages,) = environment.glob("lib/python3*/site-packages")
    for old in packages.glob("foo-*"):
        old.rmdir()
    (packages / f"foo-{version}.dist-info").mkdir()
    (packages / "foo.py").write_text(f"VERSION = {version!r}\n")
    # Python takes a file of the same second and size for the same.
    for cached in packages.glob("__pycache__/foo.*"):
        cached.unlink()


def test_a_result_of_another_version_of_a_package_is_not_reused(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, stored = tmp_path / "env", lab.root / "results" / "s"
    venv.create(environment)
    install(environment, "1.0")
    monkeypatch.setenv("PATH", f"{environment}/bin{os.pathsep}{os.environ['PATH']}")
    scripts = {"direct": f"#!{environment}/bin/python", "by-env": "#!/usr/bin/env python"}
    for script, first_line in scripts.items():
        (lab.root / script).write_text(f"{first_line}\n{PRINT}")
        (lab.root / script).chmod(0o755)

    def run(name: str) -> set[str]:
        """Run both scripts, and return how their products came to be."""
        text = "pipeline: command, reuse: true, outputs: {y: job.out}, executable"
        lab.apply(*(f"{name}-{script}, {text}: {script}" for script in scripts))
        lab.finish()
        return {lab.attempts(f"{name}-{script}")[-1].stage for script in scripts}

    assert run("old") == {"run"}
    for script in scripts:
        record = json.loads((stored / f"old-{script}" / "asimov-provenance.json").read_text())
        assert record["software"] == {str(environment): ["foo==1.0"]}
        assert "software_unknown" not in record
    assert run("same") == {"reuse"}
    assert lab.rows()["old-direct"]["outdated"] == []

    install(environment, "2.0")
    changed = f"foo: 1.0 -> 2.0 in {environment}"
    assert all(row["outdated"] == [changed] for row in lab.rows().values())
    assert f"version: {changed}" in lab.run("why", "s/old-direct").out
    assert run("new") == {"run"}
    for script in scripts:
        assert (stored / f"old-{script}" / "job.out").read_text() == "1.0\n"
        assert (stored / f"new-{script}" / "job.out").read_text() == "2.0\n"
    assert lab.rows()["new-direct"]["outdated"] == []
    told = lab.run("diff", "s/old-direct", "s/new-direct").out
    assert "software:\n  foo: 1.0 -> 2.0\n" in told
    assert f"1 package in {environment}" in lab.run("provenance", "s/new-direct").out


def test_what_a_shell_runs_is_said_to_be_unknown_and_can_be_reused(lab: Any) -> None:
    text = "pipeline: command, executable: /bin/sh, reuse: true, outputs: {y: y}"
    lab.apply(f"one, {text}, arguments: [-c, 'echo 1 > y']")
    lab.finish()
    told = lab.run("provenance", "s/one").out
    assert "software      unknown about /bin/sh: a shell may run any program" in told
    lab.apply(f"two, {text}, arguments: [-c, 'echo 1 > y']")
    lab.finish()
    assert lab.attempts("two")[-1].stage == "reuse"
