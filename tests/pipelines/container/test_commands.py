"""A command in an image as an analysis, in real containers on the local scheduler."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests import containers
from tests.pipelines.container.conftest import InContainers

RUNTIMES = ("bubblewrap", "charliecloud")


def shell(text: str, *arguments: str, **settings: Any) -> dict[str, Any]:
    return {"command": ["sh", "-c", text, "sh", *arguments], "outputs": {"out": "out"}, **settings}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_reads_what_is_mounted_and_leaves_outputs_in_the_run_directory(
    runs: InContainers, runtime: str
) -> None:
    (runs.root / "data").mkdir()
    (runs.root / "data" / "one two.txt").write_text("1 2\n")
    (runs.root / "table.csv").write_text("3\n")
    (runs.root / "secret").write_text("not mounted\n")
    runs.apply(
        shell(
            'cat "$1" "$2" "${3#--more=}" > out; pwd > where; ls "$4" > hidden 2>&1; '
            "ls /mnt/inputs/* > seen; touch /usr/made 2> refused; true",
            "table.csv", "data/one two.txt", "--more=data/one two.txt", str(runs.root),
            runtime=runtime, environment={"TEXT": "a $HOME, b"},
        ),
        shell(
            'cat "$1" /mnt/given/* > out; echo "$TEXT" >> out; command -v python >> out; '
            "id -u > user 2>/dev/null; true",
            "{{ assets.out }}", name="b", needs=["a"], runtime=runtime,
            mounts={"/mnt/given": "data"}, environment={"TEXT": "{{ name }} $HOME, %"},
        ),
    )  # fmt: skip
    runs.finish()
    assert runs.file("out").read_text() == "3\n1 2\n1 2\n"
    assert runs.file("where").read_text() == "/mnt/run\n"
    assert "No such file" in runs.file("hidden").read_text()
    assert "secret" not in runs.file("seen").read_text() or runtime == "charliecloud"
    assert runs.file("out", "b").read_text() == "3\n1 2\n1 2\n1 2\nb $HOME, %\n"
    assert not (containers.image() / "usr/made").exists()
    stored = runs.root / "results" / "s" / "b" / "out"
    assert stored.read_text().endswith("%\n")


def test_bubblewrap_protects_what_it_mounts(runs: InContainers) -> None:
    (runs.root / "data").mkdir()
    (runs.root / "data" / "x").write_text("1\n")
    write = 'echo 2 > "$1"/x 2>/dev/null || echo 3 > "$1"/y 2>/dev/null || touch out'
    runs.apply(shell(write, "data/"))
    runs.finish()
    assert (runs.root / "data" / "x").read_text() == "1\n"
    assert not (runs.root / "data" / "y").exists()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_several_processes_a_seed_and_progress(runs: InContainers, runtime: str) -> None:
    runs.apply(
        {
            "command": ["sh", "-c", "echo 1/4 begun >> $ASIMOV_PROGRESS; echo $0 $ASIMOV_SEED > $1",
                        "n$(Process)", "part-$(Process)"],
            "outputs": {"parts": "part-$(Process)"}, "processes": 3, "seed": 5, "runtime": runtime,
        }
    )  # fmt: skip
    runs.finish()
    parts = [runs.file(f"part-{n}").read_text() for n in range(3)]
    assert parts == ["n0 5\n", "n1 5\n", "n2 5\n"]
    assert runs.file("job.1.progress").read_text() == "1/4 begun\n"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_program_that_the_image_lacks_is_named(runs: InContainers, runtime: str) -> None:
    runs.apply({"command": "fit-model --fast", "outputs": {"o": "o"}, "runtime": runtime})
    runs.finish(3)
    assert runs.state() == "stuck"
    assert "fit-model" in runs.why()
    assert "No such file" in runs.why() or "not found" in runs.why()


def test_a_command_that_leaves_no_output_is_not_complete(runs: InContainers) -> None:
    runs.apply({"command": "true", "outputs": {"o": "o"}})
    runs.finish(3)
    assert "exit code 0, but it is not complete: o missing" in runs.why()


def test_the_first_runtime_that_works_is_used_without_configuration(runs: InContainers) -> None:
    runs.apply(shell("touch out", runtime=None))
    runs.finish()
    assert "/ch-run" in runs.file("job.sub").read_text()


def test_the_configuration_chooses_the_runtime(runs: InContainers) -> None:
    assert not runs.asimov("configuration", "update", "container/runtime", "bubblewrap").code
    runs.apply(shell("touch out", runtime=None))
    runs.finish()
    assert "/bwrap" in runs.file("job.sub").read_text()


def test_htcondor_s_own_runtime_needs_htcondor(runs: InContainers) -> None:
    runs.apply(shell("touch out", runtime="htcondor"))
    runs.finish(3)
    assert "the runtime htcondor needs the scheduler htcondor" in runs.why()


def test_a_mount_that_is_not_there_is_refused(runs: InContainers, tmp_path: Path) -> None:
    runs.apply(shell("touch out", mounts={"/mnt/x": "nosuch"}))
    runs.finish(3)
    assert "mounts: /mnt/x: 'nosuch' is not in the project" in runs.why()


def test_a_dry_run_prints_the_command_line_and_writes_nothing(runs: InContainers) -> None:
    runs.apply(shell("touch out"))
    assert not runs.asimov("manage", "build").code
    ran = runs.asimov("manage", "submit", "--dry-run")
    assert "bwrap" in ran.out, ran
    assert not runs.file("").exists()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nothing_of_a_container_outlives_a_job_that_is_removed(
    runs: InContainers, runtime: str
) -> None:
    length = str(100_000 + os.getpid() % 100_000)  # what its process is told by

    def sleeping() -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                if path.read_bytes() == f"sleep\0{length}\0".encode():
                    found.append(path.parent.name)
        return found

    runs.apply({"command": f"sh -c 'sleep {length}; true'", "outputs": {"o": "o"},
                "runtime": runtime})  # fmt: skip
    assert not runs.asimov("manage", "build", "submit").code
    end = time.monotonic() + 120
    while not sleeping():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert not runs.asimov("production", "set", "s", "a", "--status", "cancelled").code
    while sleeping():
        runs.asimov("monitor")
        assert time.monotonic() < end
        time.sleep(0.1)
    assert runs.state() == "cancelled"
