"""Jobs on a schedd that, like its execute nodes, sees nothing of the project's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.htcondor.own_pool import OwnPool, Project, started, until
from tests.htcondor.test_no_shared_files import HIDING, command, results
from tests.sharded import installed

pytestmark = pytest.mark.htcondor

#: Starts the schedd where a folder is empty, as the user that it would have been.
SCHEDD = """#!/bin/sh
user=$(id -u) group=$(id -g)
exec unshare --user --map-root-user --mount --propagation private sh -c '
    mount -t tmpfs none {hidden} &&
    user=$1 group=$2 && shift 2 &&
    exec unshare --user --map-user="$user" --map-group="$group" {schedd} "$@"
' sh "$user" "$group" "$@"
"""
#: Kills the process with SIGKILL before or after a method of the bindings' schedd.
KILLING = """
import os, signal

when, _, method = os.environ.get("KILL_AT", "").partition(" ")
if method:
    import htcondor2

    own = getattr(htcondor2.Schedd, method)

    def killed(*arguments, **named):
        if when == "after":
            own(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(htcondor2.Schedd, method, killed)
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPool]:
    hidden = tmp_path_factory.getbasetemp()
    with started() as pool:
        packages = installed(pool.folder / "packages")
        (packages / "sitecustomize.py").write_text(KILLING)
        pool.environment["PYTHONPATH"] = str(packages)
        schedd = pool.tool("condor_config_val", "SCHEDD").strip()
        scripts = {
            "hiding": HIDING.format(hidden=hidden),
            "hidden-schedd": SCHEDD.format(hidden=hidden, schedd=schedd),
        }
        for name, text in scripts.items():
            (pool.folder / name).write_text(text)
            (pool.folder / name).chmod(0o755)
        pool.stop()
        pool.configure(
            "elsewhere",
            "STARTD.FILESYSTEM_DOMAIN = elsewhere.invalid\n"
            f"USER_JOB_WRAPPER = {pool.folder}/hiding\nSCHEDD = {pool.folder}/hidden-schedd\n",
        )
        pool.begin()
        yield pool


@pytest.fixture
def project(pool: OwnPool, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "p"
    root.mkdir()
    project = Project(root, pool)
    project.run("configuration", "update", "condor/spool", "yes")
    project.apply("{kind: subject, name: s}")
    yield project
    project.end()


def queue(project: Project, *attributes: str) -> list[list[str]]:
    wanted = f'AsimovProject == "{project.name}"'
    told = project.pool.tool("condor_q", "-constraint", wanted, "-af", *attributes)
    return [line.split() for line in told.splitlines()]


def test_input_is_handed_over_and_output_comes_back(project: Project) -> None:
    schedd = project.pool._daemon("schedd")
    assert not os.path.lexists(f"/proc/{schedd}/root{project.root}")
    (project.root / "data").mkdir()
    (project.root / "data/in.txt").write_text("data\n")
    first = command("a", 'mkdir d; cat "$1" > d/x', outputs={"d": "d"})
    reads = first.replace('"sh"]', '"sh", "data/in.txt"]')
    project.apply(reads)
    project.apply(
        command("b", 'cat "$1"/x > y-$2', outputs={"y": "y-$(Process)"}, processes=2, needs=["a"])
        .replace('"sh"]', '"sh", "{{ assets.d }}", "$(Process)"]')
    )  # fmt: skip
    project.apply(command("c", "echo 1 > part; echo no luck >&2; exit 3", outputs={"c": "c"}))
    assert project.finish("uploaded", "stuck") == {"a": "uploaded", "b": "uploaded", "c": "stuck"}
    assert [results(project, "b", f"y-{n}") for n in (0, 1)] == ["data\n", "data\n"]
    assert (project.root / "working/s/c/part").read_text() == "1\n"
    assert "it said: no luck (job.err)" in project.run("why", "s", "c").out
    until(lambda: not queue(project, "ClusterId"))
    project.check_once()


@pytest.mark.long
def test_a_kill_at_any_point_loses_nothing_and_runs_nothing_twice(project: Project) -> None:
    project.apply(command("a", "echo done > a", outputs={"a": "a"}))
    for moment in ("after submit", "after spool", "before retrieve", "after retrieve"):
        until(
            # A process of its own: a fork would not run `KILLING`.
            lambda moment=moment: project.begin("monitor", "--chain", KILL_AT=moment).wait(120),
            lambda code: code == -9,
            pause=0.5,
        )
    assert project.states() == {"a": "running"}
    assert project.finish() == {"a": "uploaded"}
    assert results(project, "a", "a") == "done\n"
    until(lambda: not queue(project, "ClusterId"))  # a removed job stays in it for a moment
    wanted = f'AsimovProject == "{project.name}"'
    told = project.pool.tool(
        "condor_history", "-constraint", wanted, "-af", "JobStatus", "NumJobStarts ?: 0", "ExitCode"
    )  # fmt: skip
    *removed, ran = sorted(line.split() for line in told.splitlines())
    assert all(each[0] == "3" and each[1] == "0" for each in removed) and removed
    assert ran == ["4", "1", "0"]
    project.check_once()


def test_output_that_nobody_wants_does_not_stay_in_the_queue(project: Project) -> None:
    project.apply(command("a", "echo done > a", outputs={"a": "a"}))
    project.run("manage", "build", "submit")
    until(lambda: queue(project, "JobStatus"), lambda told: told == [["4"]])
    project.run("production", "set", "s", "a", "--status", "stop")
    project.run("monitor")
    until(lambda: queue(project, "JobStatus"), lambda told: told == [])
    assert project.finish("stopped") == {"a": "stopped"}


def test_what_can_t_be_spooled_is_refused_before_it_is_submitted(project: Project) -> None:
    (project.root / "in put.txt").touch()
    project.apply("{kind: analysis, event: s, name: a, pipeline: sharded}")
    reads = command("b", "cat $1", outputs={"b": "b"})
    project.apply(reads.replace('"sh"]', '"sh", "in put.txt"]'))
    told = project.run("manage", "build", "submit", code=None).out
    assert "it has 3 nodes, and a DAG can't be spooled" in told
    assert "in put.txt' can't be spooled: HTCondor separates file names by spaces" in told
    assert project.pool.clusters(project.name) == []
