"""A copy of a project leaves the original's jobs in the pool alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.htcondor.conftest import OnAPool

pytestmark = pytest.mark.htcondor

JOB = """
---
{{kind: analysis, event: s, name: {name}, pipeline: command, executable: /bin/sh,
 outputs: {{o: o}}, arguments: [-c,
 "echo {name} >> {top}/ran; until [ -e {top}/go ]; do sleep 0.2; done; : > o"]}}
"""


def test_each_job_runs_once_and_none_is_removed_by_the_copy(
    on_a_pool: OnAPool, asimov: Any, tmp_path: Path
) -> None:
    names = ("a", "b", "c")
    jobs = [JOB.format(name=name, top=tmp_path) for name in names]
    on_a_pool.apply("{kind: subject, name: s}" + "".join(jobs))
    on_a_pool.run("monitor", "--chain")
    clusters = on_a_pool.jobs()
    assert len(clusters) == 3
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", on_a_pool.root, copy], check=True)

    def there(*command: str, code: int = 0) -> Any:
        ran = asimov("--project", copy, *command)
        assert ran.code == code, ran
        return ran

    assert "is a copy" in there("monitor", "--chain", code=1).err
    there("status")
    assert "on htcondor" in there("why", "s", "a").out  # which only reads
    there("project", "copied")
    for name, status in zip(names, ("restart", "cancelled", "stop"), strict=True):
        there("production", "set", "s", name, "--status", status)
    there("production", "set", "s", "a", "--status", "cancelled")
    there("monitor", "--chain")
    assert on_a_pool.jobs() == clusters
    (tmp_path / "go").touch()
    on_a_pool.finish()
    assert set(on_a_pool.states().values()) == {"uploaded"}
    assert on_a_pool.jobs() == clusters
    assert sorted((tmp_path / "ran").read_text().split()) == ["a", "b", "c"]
    there("monitor", "--chain", "--until-idle", "--timeout", "60")


def test_reading_a_pool_s_project_leaves_no_trace(on_a_pool: OnAPool, tmp_path: Path) -> None:
    from tests.tracing import listing, tracer

    job = JOB.format(name="a", top=tmp_path)
    on_a_pool.apply("{kind: subject, name: s}" + job)
    on_a_pool.run("monitor", "--chain")
    before = listing(on_a_pool.root)
    with tracer(on_a_pool.root) as traced:
        for argv in (
            ["status"], ["why", "s", "a"], ["monitor", "--chain", "--dry-run"],
            ["manage", "submit", "--dry-run"], ["production", "show", "s", "a"],
        ):  # fmt: skip
            ran = traced.run(*argv)
            assert ran.code == 0, (argv, ran)
            assert not ran.written, argv
    after = listing(on_a_pool.root)
    # What the pool itself writes meanwhile is no trace of ours.
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert not [path for path in changed if "/working/" not in path]
    (tmp_path / "go").touch()
    on_a_pool.finish()
