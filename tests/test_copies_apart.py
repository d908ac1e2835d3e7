"""What a copy has in common with the original is left alone, and so is whoever is at work."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import EXIT_BUSY
from asimov.project import copies as module
from asimov.project import identity as whereabouts
from asimov.project.layout import find
from asimov.project.workspace import Workspace
from asimov.system.files import locked
from tests.refusals import is_clear
from tests.test_copies import Copies, copies
from tests.tracing import _CHANGES, _WRITING

__all__ = ["copies"]


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- folders outside the copy


def to_scratch(copies: Copies, name: str, how: str) -> Path:
    """Have one of the original's folders lie outside it; return where."""
    scratch = copies.top / "scratch"
    folder = copies.root / name
    if how != "link":
        copies.run(copies.root, "configuration", "update", how, scratch)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        folder.rename(scratch)
        folder.symlink_to(scratch)
    return scratch


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("working", "link"), ("working/s", "link"), ("working/s/a", "link"), ("results", "link"),
        ("results/s", "link"), ("checkouts", "link"), ("logs", "link"),
        ("working", "general/rundir_default"), ("results", "storage/directory"),
        ("checkouts", "general/git_default"), ("logs", "logging/location"),
    ],
)  # fmt: skip
def test_a_copy_that_shares_folders_with_the_original_is_refused(
    copies: Copies, name: str, how: str
) -> None:
    scratch = to_scratch(copies, name, how)
    copies.start("a")
    copy = copies.copy()
    before, identity = names_in(scratch), copies.identity(copy)
    ran = copies.run(copy, "project", "copied", code=1)
    is_clear(ran, str(scratch), "may belong to the original", "'asimov project copied' again")
    assert (names_in(scratch), copies.identity(copy)) == (before, identity)
    if how == "link":
        (copy / name).unlink()
        (copy / name).mkdir()
    else:
        copies.run(copy, "configuration", "update", how, name)
    copies.run(copy, "project", "copied")
    copies.run(copy, "production", "set", "s", "a", "--status", "restart")
    copies.run(copy, "monitor", "--chain")
    assert names_in(scratch) == before
    (copies.top / "go").touch()
    copies.finish(copies.root)
    assert copies.states(copies.root) == {"a": "uploaded"}


def test_logs_to_which_a_link_leads_are_not_renamed(copies: Copies) -> None:
    copies.start("a")
    rundir = copies.root / "working" / "s" / "a"
    scratch = copies.top / "scratch"
    scratch.mkdir()
    (scratch / "job.log").write_text("")
    (rundir / "deeper").symlink_to(scratch)
    copy = copies.copy()
    copies.run(copy, "project", "copied")
    assert names_in(scratch) == ["job.log"]
    assert [path for path in names_in(copy / "working/s/a") if path.endswith(".log.original")]


# --- two ways to one project


@pytest.mark.skipif(not shutil.which("unshare"), reason="there is no unshare here")
def test_a_project_by_two_mounts_of_different_devices_is_no_copy(
    project: Path, tmp_path: Path
) -> None:
    Workspace.open(project)
    other, upper, work = (tmp_path / name for name in ("other", "upper", "work"))
    for folder in (other, upper, work):
        folder.mkdir()
    options = f"lowerdir={project},upperdir={upper},workdir={work}"
    script = 'mount -t overlay overlay -o "$0" "$1" && shift && exec "$@"'
    inside = ["unshare", "-rm", "/bin/sh", "-c", script, options, other]
    number = ["stat", "-c", "%d", other / ".asimov" / "here"]
    done = subprocess.run([*inside, *number], capture_output=True, text=True, check=False)
    device = (project / ".asimov" / "here").stat().st_dev
    if done.returncode or int(done.stdout) == device:
        pytest.skip("nothing can be mounted here, or not on another device")
    command = [sys.executable, "-m", "asimov", "--project", str(other), "monitor"]
    done = subprocess.run([*inside, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done


def test_the_device_does_not_tell_whether_two_marks_are_one_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, where nothing can be mounted."""
    opened = Workspace.open(project)
    kept = opened.journal.get_property(whereabouts.PROPERTY)
    real, elsewhere = whereabouts._mark, project.parent / "elsewhere"
    (project.parent / "elsewhere").symlink_to(project)

    def mark(root: Path) -> os.stat_result | None:
        status = real(root)
        if status is None or root == elsewhere:
            return status
        return os.stat_result((*status[:2], status.st_dev + 1, *status[3:10]), _times(status))

    monkeypatch.setattr(whereabouts, "_mark", mark)
    moved = (kept or "").replace(str(project), str(elsewhere))
    assert whereabouts.doubt_of(find(project), moved) is None


def _times(status: os.stat_result) -> dict[str, int]:
    return {name: getattr(status, name) for name in ("st_mtime_ns", "st_ctime_ns", "st_atime_ns")}


# --- who is at work


@contextmanager
def watch(root: Path) -> Iterator[None]:
    """Have a watch run in a project."""
    command = [sys.executable, "-m", "asimov", "--project", str(root), "monitor", "--watch"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert done.stdout and done.stdout.readline()
        yield
    finally:
        done.kill()
        done.communicate()


def test_copied_is_refused_while_a_watch_runs_in_this_project(copies: Copies) -> None:
    certain = ("project", "copied", "--certain")
    with watch(copies.root):
        ran = copies.run(copies.root, *certain, code=EXIT_BUSY)
        is_clear(ran, "asimov monitor --watch", code=EXIT_BUSY)
        (copies.root / ".asimov" / "here").unlink()  # now it looks like a copy
        copies.run(copies.root, "project", "copied", code=EXIT_BUSY)
    copies.run(copies.root, *certain)


def test_a_watch_of_the_original_keeps_no_copy_from_being_one(copies: Copies) -> None:
    with watch(copies.root):
        copies.run(copies.copy("first"), "project", "copied")
        second = copies.copy("second")
        copies.root.rename(copies.top / "elsewhere")  # it can't be found, and the watch goes on
        copies.run(second, "project", "copied")


@pytest.mark.parametrize("name", ["work.lock", "ledger.lock"])
@pytest.mark.parametrize("answer", ["copied", "moved"])
def test_a_repair_and_a_change_of_the_ledger_exclude_the_answer(
    copies: Copies, name: str, answer: str
) -> None:
    copy = copies.copy()
    identity = copies.identity(copy)
    with locked(copy / ".asimov" / name, "a test"):
        is_clear(copies.run(copy, "project", answer, code=EXIT_BUSY), "a test", code=EXIT_BUSY)
    assert copies.identity(copy) == identity


# --- cut short


def killed_at(step: int, root: Path) -> int:
    """Answer that a project was copied, killed at a change that is counted; return what is left.

    Changes are those of the file system, and commits before and after. Without a kill it is
    negative.
    """
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        left = step

        def reach(name: str, arguments: Any) -> None:
            nonlocal left
            writes = name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
            if name in _CHANGES or name == "commit" or writes:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        class Connection(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> Any:
                if statement != "COMMIT":
                    return super().execute(statement, *values)
                reach("commit", ())
                answer = super().execute(statement)
                reach("commit", ())
                return answer

        try:
            connect = sqlite3.connect
            sqlite3.connect = lambda *a, **named: connect(*a, **{"factory": Connection, **named})
            sys.addaudithook(reach)
            module.copied(find(root))
            os.write(told, str(left).encode())
        finally:
            os._exit(0)
    os.close(told)
    os.waitpid(child, 0)
    with os.fdopen(heard) as stream:
        return int(stream.read() or 0)


def test_a_kill_at_any_moment_is_made_good_by_the_next_answer(copies: Copies) -> None:
    copies.start("a", "b")
    original = copies.identity(copies.root)
    steps = 10_000 - killed_at(10_000, copies.copy("whole"))
    assert steps > 10
    seed = random.randrange(1000)
    print("seed", seed)
    order = random.Random(seed).sample(range(1, steps + 1), steps)
    end = time.monotonic() + 12
    for step in order:
        if time.monotonic() > end:
            break
        copy = copies.copy(f"copy-{step}")
        assert killed_at(step, copy) == 0
        ran = copies.asimov("--project", copy, "monitor")
        if ran.code == 1:  # else it was over
            is_clear(ran, "'asimov project copied'")
            for wrong in (["project", "moved"], ["apply", "-f", copies.top / "jobs.yaml"]):
                is_clear(copies.run(copy, *wrong, code=1), "copy")
            copies.run(copy, "project", "copied")
        assert copies.identity(copy) != original, step
        assert copies.states(copy) == {"a": "stuck", "b": "stuck"}, step
        copies.run(copy, "monitor")
        shutil.rmtree(copy)
    assert copies.states(copies.root) == {"a": "running", "b": "running"}
    assert len(copies.ran()) == 2
