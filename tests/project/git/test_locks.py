"""Locks that git leaves: our own are removed, others' are named, whatever was killed when."""

from __future__ import annotations

import getpass
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.project.git import locks as gitlocks
from asimov.project.git.repository import EventRepo
from asimov.system import processes
from asimov.system.files import new_folder
from tests.searching import sizes

#: Commits a file with another content, in a process group of its own.
COMMIT = """
import sys
from pathlib import Path
import asimov.project.git.commits
from asimov.project.git.repository import EventRepo
asimov.project.git.commits.NO_PROGRAMS = ()  # it is stopped by hooks
root, text = Path(sys.argv[1]), sys.argv[2]
path = root / "s" / "a.ini"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(text)
EventRepo(root / "s", root).commit([path], text)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    commit(root, "1")
    return root


def commit(root: Path, text: str, report: Callable[[str], None] = print) -> str | None:
    path = root / "s" / "a.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return EventRepo(root / "s", root).commit([path], text, report)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def start(root: Path, text: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", COMMIT, root, text], start_new_session=True)


def stop_at(root: Path, phase: str, seconds: float = 60) -> Path:
    """Have git wait in the middle of a commit, where it holds its locks; return what it makes."""
    reached = root.parent / f"reached-{phase}"
    hook = root / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n[ $1 = {phase} ] || exit 0\ntouch {reached}\nsleep {seconds}\n")
    hook.chmod(0o755)
    return reached


def locks(root: Path) -> set[str]:
    folder = root / ".git"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.lock")}
    return {name for name in found if not name.startswith("next-index")}


@pytest.mark.parametrize("phase", ["prepared", "committed"])
def test_locks_of_a_build_that_was_killed_are_removed(root, phase):
    reached = stop_at(root, phase)
    killed = start(root, "2")
    until(reached.exists)
    assert "index.lock" in locks(root)
    assert ("HEAD.lock" in locks(root)) == (phase == "prepared")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    (root / ".git" / "hooks" / "reference-transaction").unlink()
    lines: list[str] = []
    commit(root, "3", lines.append)
    assert git(root, "log", "-1", "--format=%s") == "3\n"
    index = root / ".git" / "index.lock"
    assert f"{index}: removed, since the asimov or the git that made it was killed" in lines
    assert not list((root / ".git").rglob("*.lock"))
    assert not list((root / ".git").glob("asimov-*"))
    assert git(root, "status", "--porcelain") == ""
    git(root, "fsck", "--strict")


@pytest.mark.parametrize("command", ["add", "commit"])
def test_locks_of_a_git_that_was_killed_alone_are_removed(root, command, monkeypatch, tmp_path):
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/bash\ncase " $* " in *" {command} "*) touch .git/index.lock; kill -9 $$;; esac\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
        with pytest.raises(AsimovError, match="git was killed"):
            commit(root, "2")
    assert locks(root) == {"index.lock"}
    lines: list[str] = []
    assert commit(root, "3", lines.append)
    assert lines == [
        f"{root}/.git/index.lock: removed, since the asimov or the git that made it was killed"
    ]


def test_a_git_that_outlives_its_asimov_is_waited_for(root):
    reached = stop_at(root, "prepared", 1)
    killed = start(root, "2")
    until(reached.exists)
    killed.kill()
    killed.wait()
    (root / ".git" / "hooks" / "reference-transaction").unlink()
    lines: list[str] = []
    assert commit(root, "3", lines.append)
    assert lines == []
    assert git(root, "log", "--format=%s") == "3\n2\n1\n"


def refused(root: Path) -> AsimovError:
    with pytest.raises(AsimovError) as told:
        commit(root, "other")
    assert "\n" not in str(told.value)
    assert told.value.hint
    return told.value


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "branch"])
def test_anybody_elses_lock_is_named_with_its_age_and_owner_and_left(root, name):
    branch = git(root, "symbolic-ref", "HEAD").strip()
    lock = root / ".git" / (f"{branch}.lock" if name == "branch" else name)
    lock.touch()
    before = time.time() - 300
    os.utime(lock, (before, before))
    error = refused(root)
    assert error.where == lock
    assert "5m old" in str(error)
    assert f"belongs to user {getpass.getuser()}" in str(error)
    assert "no process on this machine has it open" in str(error)
    assert lock.exists()
    lock.unlink()
    assert commit(root, "2")


def test_who_has_a_lock_open_is_named(root):
    with (root / ".git" / "index.lock").open("w"):
        assert f"process {os.getpid()} (" in str(refused(root))


def dead_record(root: Path, **changes: object) -> Path:
    with gitlocks.recorded(root / ".git"):
        (path,) = (root / ".git").glob("asimov-*.json")
        words = json.loads(path.read_text())
    names = gitlocks._Record._fields
    made = dict(zip(names, words, strict=True)) | {"started": "1", "process": 1} | changes
    path.write_text(json.dumps([made[name] for name in names]))
    return path


def test_a_lock_that_was_there_before_is_not_taken_for_ours(root):
    lock = root / ".git" / "index.lock"
    lock.touch()
    before = time.time() - 300
    os.utime(lock, (before, before))
    dead_record(root)
    refused(root)
    assert lock.exists()


def test_a_lock_of_a_git_at_work_there_is_not_taken_for_ours(root):
    dead_record(root)
    (root / "s" / "a.ini").write_text("by hand")
    editor = root.parent / "editor"
    reached = root.parent / "editing"
    editor.write_text(f"#!/bin/sh\ntouch {reached}\nsleep 60\n")
    editor.chmod(0o755)
    person = subprocess.Popen(
        ["git", "-c", f"core.editor={editor}", "-c", "user.name=x", "-c", "user.email=x",
         "commit", "--all"],
        cwd=root, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(reached.exists)
        error = refused(root)
        assert f"git is running there: process {person.pid}" in str(error)
        assert (root / ".git" / "index.lock").exists()
    finally:
        os.killpg(person.pid, signal.SIGKILL)
        person.wait()


def pretend(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Have a process in a repository that looks like git with these arguments."""
    reached = root.parent / "pretending"
    reached.unlink(missing_ok=True)
    code = f"open({str(reached)!r}, 'w'); import time; time.sleep(1000)"
    process = subprocess.Popen(["git", "-c", code, *arguments], executable=sys.executable, cwd=root)
    until(reached.exists)
    return process


def test_a_record_is_kept_until_its_locks_could_be_looked_at(root):
    record = dead_record(root)
    lock = root / ".git" / "index.lock"
    lock.touch()
    other = pretend(root, "gc")
    try:
        for _ in range(2):
            refused(root)
            assert record.exists()
    finally:
        other.kill()
        other.wait()
    assert commit(root, "2")
    assert not record.exists()


@pytest.mark.parametrize("command", ["fsmonitor--daemon run", "cat-file --batch-check"])
def test_a_git_that_only_waits_does_not_keep_a_lock(root, command):
    dead_record(root)
    (root / ".git" / "index.lock").touch()
    other = pretend(root, *command.split())
    try:
        assert commit(root, "2")
    finally:
        other.kill()
        other.wait()


def test_a_lock_that_somebody_has_open_is_not_taken_for_ours(root):
    dead_record(root)
    with (root / ".git" / "index.lock").open("w") as lock:
        refused(root)
        assert Path(lock.name).exists()


def test_a_lock_that_was_made_long_after_is_not_taken_for_ours(root):
    dead_record(root, since=time.time() - 7200)
    lock = root / ".git" / "index.lock"
    lock.touch()
    refused(root)
    assert lock.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to others")
def test_a_record_of_another_user_is_left_to_that_user(root):
    record = dead_record(root)
    os.chown(record, 65534, -1)
    cut_short = root / ".git" / "asimov-x.json"
    cut_short.touch()
    os.utime(cut_short, (0, 0))
    os.chown(cut_short, 65534, -1)
    lock = root / ".git" / "index.lock"
    lock.touch()
    refused(root)
    assert lock.exists()
    assert record.exists()
    assert cut_short.exists()


@pytest.mark.parametrize("tree", ["worktrees/x", "."])
def test_locks_of_a_work_tree_are_those_of_its_own_records(root, tree):
    git(root, "worktree", "add", "--quiet", "--detach", str(root.parent / "x"))
    lock = root / ".git" / "worktrees" / "x" / "index.lock"
    lock.touch()
    dead_record(root, tree=tree)
    assert commit(root, "2")
    assert lock.exists() == (tree == ".")


def test_a_build_in_a_work_tree_that_was_killed_is_mended(root):
    tree = root.parent / "x"
    git(root, "worktree", "add", "--quiet", "--detach", str(tree))
    reached = stop_at(root, "prepared")
    killed = start(tree, "2")
    until(reached.exists)
    lock = root / ".git" / "worktrees" / "x" / "index.lock"
    assert lock.exists()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    (root / ".git" / "hooks" / "reference-transaction").unlink()
    assert commit(tree, "3")
    assert git(tree, "log", "-1", "--format=%s") == "3\n"


def test_one_asimov_at_a_time_is_at_work_in_a_repository(root):
    with gitlocks.alone(root / ".git"):
        second = start(root, "2")
        handles = Path("/proc", str(second.pid), "fd")
        until(lambda: any(each.name == "asimov.flock" for each in targets(handles)))
        assert not list((root / ".git").glob("asimov-*.json"))
        assert git(root, "log", "--format=%s") == "1\n"
    assert second.wait(120) == 0
    assert git(root, "log", "-1", "--format=%s") == "2\n"


def targets(handles: Path) -> list[Path]:
    found = []
    for each in handles.iterdir():
        with suppress(OSError):
            found.append(each.readlink())
    return found


def test_of_two_first_builds_one_makes_the_repository(tmp_path):
    root = tmp_path / "new"
    with new_folder(root) as folder:
        second = start(root, "2")
        waiting = f"FLOCK  ADVISORY  WRITE {second.pid} "
        until(lambda: any("->" in line and waiting in line for line in lock_table()))
        git(folder, "init", "--quiet")
        (folder / ".git").rename(root / ".git")
    assert second.wait(120) == 0
    assert commit(root, "3")
    assert git(root, "log", "--format=%s") == "3\n2\n"


def lock_table() -> list[str]:
    return Path("/proc/locks").read_text().splitlines()


@pytest.mark.parametrize("size", sizes())
def test_killed_at_any_moment_one_does_not_stop_another_project_in_the_repository(root, size):
    seed = random.randrange(1000)
    print("seed", seed)
    chance = random.Random(seed)
    limit = time.monotonic() + 5 * size
    number = 0
    while time.monotonic() < limit:
        number += 1
        killed = start(root, f"{number} killed")
        other = subprocess.Popen(
            [sys.executable, "-c", COMMIT.replace('"s"', '"t"'), root, f"{number} other"],
            stderr=subprocess.PIPE,
        )
        time.sleep(chance.uniform(0.2, 1))
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        _, told = other.communicate(timeout=300)
        assert other.returncode == 0, told.decode()
    assert git(root, "log", "--format=%s").count("other") == number
    assert commit(root, "after")
    assert not list((root / ".git").rglob("*.lock"))


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"host": "another"}, False),
        ({"start": "another boot"}, True),
        ({"process": os.getppid(), "started": None}, False),
    ],
    ids=["dead", "on another machine", "before the machine was restarted", "alive"],
)
def test_only_the_dead_of_this_machine_are_judged(root, changes, ours):
    if "started" in changes:
        changes = {**changes, "started": processes.started_at(os.getppid())}
    record = dead_record(root, **changes)
    lock = root / ".git" / "index.lock"
    lock.touch()
    if ours:
        assert commit(root, "2")
    else:
        assert "asimov is or was working there" in str(refused(root))
    assert (lock.exists(), record.exists()) == (not ours, not ours)


def test_a_record_that_was_cut_short_goes_in_time(root):
    record = root / ".git" / "asimov-x.json"
    record.touch()
    commit(root, "2")
    assert record.exists()
    os.utime(record, (0, 0))
    commit(root, "3")
    assert not record.exists()


def test_what_was_begun_and_not_finished_of_a_repository_is_made_anew(tmp_path, root):
    for parent in (tmp_path / "new", tmp_path):
        with new_folder(parent) as folder:
            left = folder
        (left / "clone").mkdir(parents=True)
        (left / ".git").mkdir()
    assert commit(tmp_path / "new", "1")
    clone = EventRepo(tmp_path / "clone" / "s", tmp_path / "clone", str(root))
    clone.ensure()
    assert (tmp_path / "clone" / "s" / "a.ini").exists()
    assert not list(tmp_path.rglob(".asimov-new"))


def empty_object(root: Path) -> None:
    name = git(root, "rev-parse", "HEAD:s").strip()
    path = root / ".git" / "objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_text("")


def cut_index(root: Path) -> None:
    path = root / ".git" / "index"
    path.write_bytes(path.read_bytes()[:50])


def merge(root: Path) -> None:
    (root / ".git" / "MERGE_HEAD").write_text(git(root, "rev-parse", "HEAD"))


def no_head(root: Path) -> None:
    (root / ".git" / "HEAD").write_text("")


@pytest.mark.parametrize("harm", [empty_object, cut_index, merge, no_head])
def test_what_only_a_person_can_mend_is_named_in_one_line_with_what_to_do(root, harm):
    harm(root)
    refused(root)


def no_file(root: Path) -> None:
    for name in ("b.ini", "c.ini"):
        (root / "s" / name).write_text(name)
    git(root, "add", "s")
    (root / "s" / "b.ini").unlink()


def no_branch(root: Path) -> None:
    git(root, "checkout", "--quiet", "--detach")


def staged_only(root: Path) -> None:
    (root / "s" / "a.ini").write_text("other")
    git(root, "add", "s")


@pytest.mark.parametrize("state", [no_file, no_branch, staged_only])
def test_what_is_no_obstacle_is_none(root, state):
    state(root)
    assert commit(root, "other")
    assert git(root, "log", "-1", "--format=%s") == "other\n"


@pytest.mark.parametrize("size", sizes())
def test_killed_at_any_moment_a_group_leaves_nothing_that_stops_the_next(root, size):
    seed = random.randrange(1000)
    print("seed", seed)
    chance = random.Random(seed)
    limit = time.monotonic() + 5 * size
    number = left = 0
    while time.monotonic() < limit:
        number += 1
        # Many files: git is at work for longer.
        code = COMMIT.replace(
            "path.write_text(text)",
            """
[(root / "s" / f"{n}.ini").write_text(text * n) for n in range(200)]
path.write_text(text)
Path(sys.argv[1], "..", "begun").touch()
""",
        ).replace("[path]", "list((root / 's').iterdir())")
        begun = root.parent / "begun"
        begun.unlink(missing_ok=True)
        killed = subprocess.Popen(
            [sys.executable, "-c", code, root, f"{number} "], start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(begun.exists)
        time.sleep(chance.uniform(0.1, 0.5))
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        left += bool(list((root / ".git").rglob("*.lock")))
        commit(root, f"after {number}")
        assert git(root, "log", "-1", "--format=%s") == f"after {number}\n"
    print(number, "kills", left, "left locks")
