"""A disk that is full: what was there stays whole, the message names the file, nothing is twice.

The disk is a real one of a few megabytes (a tmpfs). Without the right to mount one the same tests
run in a user namespace of their own.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from asimov.errors import AsimovError
from asimov.server.client import ServiceError
from asimov.system.files import full_disk
from tests import preloaded
from tests.conftest import Ran, snapshot, stop_local_scheduler
from tests.server.conftest import Service
from tests.server.everybody import Everybody, add_functions, find_plugins
from tests.server.platipy.client import form

#: In bytes.
SIZE, PAGE = 4 << 20, 4096


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


MOUNTS = _works("unshare", "-m", "true")
IN_NAMESPACE = ("unshare", "-rm", "--")
needs_mount = pytest.mark.skipif(not MOUNTS, reason="runs in a namespace, below")


class Disk:
    """A file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, left: int = 0) -> None:
        """Leave so many bytes on it."""
        self.make_room()
        with self._filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, self.free() - left)

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    yield Disk(folder)
    os.chdir(tmp_path)
    stop_local_scheduler(tmp_path)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def run(disk: Disk) -> Callable[..., Ran]:
    """Run a command in a process of its own, as people do: a lease that can't be given back on a
    full disk ends with its process."""

    def one(*command: object) -> Ran:
        done = preloaded.run(preloaded.ASIMOV, *command, cwd=disk.folder / "project")
        return Ran(done.returncode, done.stdout, done.stderr)

    return one


@pytest.fixture
def project(disk: Disk, run: Callable[..., Ran]) -> Path:
    root = disk.folder / "project"
    root.mkdir()
    made = run("init", "Full", "--scheduler", "local")
    assert made.code == 0, made
    return root


def blueprint(project: Path, *names: str, size: int = 2000, **settings: Any) -> Path:
    """Write a blueprint of one subject a name, each with an analysis ``a``."""
    documents: list[dict[str, Any]] = []
    for name in names:
        documents.append({"kind": "subject", "name": name, "long": "x" * size})
        analysis = {"kind": "analysis", "event": name, "name": "a"}
        documents.append({**analysis, "pipeline": "simpletestpipeline", **settings})
    path = project.parent.parent / f"{names[0]}.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


def says_what_is_full(ran: Ran, root: Path) -> None:
    """See that a command ended with a line that names a file or a folder of the project."""
    # A repair asks the local queue, which is on that disk too: then that can't be asked.
    unasked = ran.err.startswith(
        "error: the scheduler does not respond, so running jobs could be overlooked"
    )
    assert ran.code == (5 if unasked else 1), ran
    assert "Traceback" not in ran.err, ran
    assert "bug in asimov" not in ran.err, ran
    said = ran.err + ran.out
    assert "full" in said or "No space left" in said or "disk I/O" in said, ran
    assert f"{root}/" in said or "ledger/" in said, ran


def journal(root: Path) -> list[str]:
    """Return all that is in a journal that is whole, but its cache of the ledger's files."""
    with closing(sqlite3.connect(root / ".asimov" / "journal.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        left_out = ('INTO "documents"', 'INTO "lease"', 'INTO "logs"')
        return [line for line in db.iterdump() if not any(each in line for each in left_out)]


def end_jobs(root: Path) -> None:
    """Wait until all jobs have ended, and end the queue's runner: its own end would make room."""
    end = time.monotonic() + 120
    with closing(sqlite3.connect(root / ".asimov" / "local" / "queue.db")) as db:
        while db.execute("SELECT 1 FROM clusters WHERE state != 'gone'").fetchall():
            assert time.monotonic() < end
            time.sleep(0.05)
    stop_local_scheduler(root)


def clusters(root: Path) -> dict[str, list[int]]:
    """Return the jobs of each analysis in the local queue."""
    found: dict[str, list[int]] = {}
    queue = root / ".asimov" / "local" / "queue.db"
    if queue.exists():
        with closing(sqlite3.connect(queue)) as db:
            for number, tags in db.execute("SELECT id, tags FROM clusters WHERE dag IS NULL"):
                found.setdefault(json.loads(tags)["AsimovAnalysis"], []).append(number)
    return found


def states(run: Callable[..., Ran]) -> dict[str, str]:
    told = run("status", "--json")
    return {f"{row['subject']}/{row['name']}": row["status"] for row in json.loads(told.out)}


def finish(run: Callable[..., Ran]) -> Ran:
    return run("monitor", "--chain", "--until-idle", "--interval", "0.2", "--timeout", "300")


#: Bytes that are left on the disk: none, and less than this or that needs.
LEFT = [*range(0, 50 * PAGE, 3 * PAGE), *range(50 * PAGE, 500 * PAGE, 25 * PAGE)]


def until_it_fits(
    disk: Disk, root: Path, run: Callable[..., Ran], *command: object
) -> Iterator[Ran]:
    """Run a command with more and more room; yield each that failed, and see what it said."""
    failed = 0
    for left in LEFT:
        disk.fill(left)
        ran = run(*command)
        disk.make_room()
        if ran.code == 0:
            break
        says_what_is_full(ran, root)
        failed += 1
        yield ran
    else:
        raise AssertionError(f"there was never room enough: {ran}")
    assert failed


@needs_mount
@pytest.mark.parametrize("names", [["one"], ["one", "two", "three", "four"]])
def test_a_ledger_that_can_not_be_written_is_as_it_was(
    project: Path, disk: Disk, run: Callable[..., Ran], names: list[str]
) -> None:
    assert run("apply", "-f", blueprint(project, "old")).code == 0
    before = snapshot(project / "ledger")
    old = journal(project)
    path = blueprint(project, *names, size=6000)
    new = {f"subjects/{name}.yaml": (name, "x" * 6000, ["a"]) for name in names}
    for _ in until_it_fits(disk, project, run, "apply", "-f", path):
        after = snapshot(project / "ledger")
        assert {file: after.get(file) for file in before} == before
        for file in after.keys() - before.keys():  # each is whole, or is not there
            text = yaml.safe_load(after[file])
            assert (text["name"], text["long"], [a["name"] for a in text["analyses"]]) == new[file]
        assert set(old) <= set(journal(project))
    done = run("apply", "-f", path)
    assert done.code == 0, done
    assert sorted(snapshot(project / "ledger")) == sorted([*before, *new])
    assert run("monitor").code == 0
    assert states(run) == {f"{name}/a": "ready" for name in ["old", *names]}


@needs_mount
def test_a_configuration_that_can_not_be_written_is_as_it_was(
    project: Path, disk: Disk, run: Callable[..., Ran]
) -> None:
    names = ["a", "b", "c"]
    assert run("apply", "-f", blueprint(project, *names)).code == 0
    configs = [project / "checkouts" / name / "analyses" / "a.ini" for name in names]
    for _ in until_it_fits(disk, project, run, "manage", "build"):
        with closing(sqlite3.connect(project / ".asimov" / "journal.db")) as db:
            assert db.execute("SELECT count(*) FROM builds").fetchone() == (0,)
        left = [path.read_text() for path in configs if path.exists()]
        assert all(text.endswith("\n") for text in left)
        assert not list((project / "checkouts").glob("*/analyses/.*"))
        assert not list((project / "checkouts").glob(".new-*"))
    done = run("manage", "build")
    assert done.code == 0, done
    assert all(path.exists() for path in configs)
    listed = subprocess.run(
        ["git", "-C", project / "checkouts", "ls-files"], check=True, capture_output=True, text=True
    )
    assert listed.stdout.split() == [f"{name}/analyses/a.ini" for name in names]
    assert (
        subprocess.run(
            ["git", "-C", project / "checkouts", "fsck", "--strict"],
            check=False,
            capture_output=True,
        ).returncode
        == 0
    )
    assert finish(run).code == 0
    assert clusters(project).keys() == {f"{name}/a" for name in names}
    assert all(len(jobs) == 1 for jobs in clusters(project).values())


@needs_mount
def test_a_pass_on_a_full_disk_changes_nothing_and_the_next_one_goes_on(
    project: Path, disk: Disk, run: Callable[..., Ran]
) -> None:
    names = ["a", "b", "c"]
    assert run("apply", "-f", blueprint(project, *names, seconds=0.05)).code == 0
    assert run("manage", "build", "submit").code == 0
    end_jobs(project)
    assert all((project / "working" / name / "a" / "result.txt").exists() for name in names)
    known = {f"{name}/a" for name in names}
    for _ in until_it_fits(disk, project, run, "monitor"):
        assert journal(project)
        assert states(run).keys() == known
    assert finish(run).code == 0
    assert states(run) == dict.fromkeys(known, "uploaded")
    for name in names:
        stored = project / "results" / name / "a"
        assert (stored / "result.txt").read_text() == f"{name}/a\n"
        assert (stored / "manifest.json").exists()
    assert all(len(jobs) == 1 for jobs in clusters(project).values())


@needs_mount
def test_what_could_not_be_submitted_is_submitted_once_there_is_room(
    project: Path, disk: Disk, run: Callable[..., Ran]
) -> None:
    names = ["a", "b", "c"]
    assert run("apply", "-f", blueprint(project, *names)).code == 0
    assert run("manage", "build").code == 0
    for _ in until_it_fits(disk, project, run, "manage", "submit"):
        assert journal(project)
    assert run("manage", "submit").code == 0
    assert finish(run).code == 0
    assert states(run) == {f"{name}/a": "uploaded" for name in names}
    assert {name: len(jobs) for name, jobs in clusters(project).items()} == {
        f"{name}/a": 1 for name in names
    }


@needs_mount
def test_a_job_that_failed_without_a_message_on_a_full_disk_is_explained(
    project: Path, disk: Disk, run: Callable[..., Ran]
) -> None:
    failing = {"executable": "/bin/false", "outputs": {"a": "a"}, "max resurrections": 0}
    path = blueprint(project, "s", **{"pipeline": "command", **failing})
    assert run("apply", "-f", path).code == 0
    finish(run)
    end_jobs(project)
    assert "find the cause, about which its logs say nothing" in run("why", "s/a").out
    assert "is full" not in run("status").err
    disk.fill()
    assert "free disk space, then: asimov production set s/a --status restart" in (
        run("why", "s/a").out
    )
    assert "is full: passes can't record anything" in run("status").err
    seen = json.loads(run("status", "--monitor", "--json").out)
    assert seen["warning"].startswith(f"the disk of {project}/.asimov is full")


@needs_mount
def test_a_log_that_can_not_be_written_stops_nothing(
    project: Path, disk: Disk, run: Callable[..., Ran]
) -> None:
    # Of all that a command writes only the log is on this disk.
    elsewhere = project.parent.parent / "elsewhere"
    shutil.copytree(project, elsewhere)
    assert run("--project", elsewhere, "project", "copied").code == 0
    shutil.rmtree(elsewhere / "logs")
    (elsewhere / "logs").symlink_to(project / "logs")
    path = blueprint(project, "s", seconds="no number")
    assert run("--project", elsewhere, "apply", "-f", path).code == 0
    disk.fill()
    ran = run("--project", elsewhere, "manage", "build", "submit")
    disk.make_room()
    assert "raised ValueError" in ran.out, ran
    assert (ran.code, ran.err) == (1, ""), ran
    assert not (project / "logs" / "asimov.log").read_text()


@needs_mount
def test_a_repair_on_a_full_disk_leaves_the_damaged_journal(
    project: Path, disk: Disk, run: Callable[..., Ran]
) -> None:
    assert run("apply", "-f", blueprint(project, "a", "b", seconds=0.05)).code == 0
    assert run("monitor", "--chain").code == 0
    end_jobs(project)
    journal_file = project / ".asimov" / "journal.db"
    damaged = journal_file.read_bytes()[: 6 * PAGE]
    journal_file.write_bytes(damaged)
    for _ in until_it_fits(disk, project, run, "ledger", "repair"):
        assert journal_file.read_bytes() == damaged
    assert journal(project)
    assert finish(run).code == 0
    assert {name: len(jobs) for name, jobs in clusters(project).items()} == {"a/a": 1, "b/a": 1}


def raised(*errors: Exception) -> Exception:
    """Return the last of some errors, each of which led to the next."""
    before: Exception | None = None
    for error in errors:
        error.__cause__ = before
        before = error
    assert before is not None
    return before


def test_the_full_disk_is_found_behind_what_a_plugin_makes_of_it(tmp_path: Path) -> None:
    place = tmp_path / "queue.db"
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))
    found = full_disk(raised(full, ValueError("no result")))
    assert str(found) == f"{tmp_path}/x: can't be written: No space left on device"
    behind = sqlite3.OperationalError("database or disk is full")
    found = full_disk(raised(behind, AsimovError("the queue can't be used", where=place)))
    assert str(found) == f"{place}: can't be written: database or disk is full"
    assert full_disk(raised(sqlite3.OperationalError("no such table: x"), ValueError())) is None
    assert full_disk(raised(OSError(errno.EACCES, "Permission denied"), ValueError())) is None
    assert full_disk(None) is None


@needs_mount
def test_a_service_says_that_the_disk_is_full_and_reads_on(
    project: Path, disk: Disk, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each protocol: what is refused leaves nothing, and others read on."""
    find_plugins(disk.folder.parent, monkeypatch)
    add_functions(project)
    assert run("apply", "-f", blueprint(project, "old")).code == 0
    key = run("manage", "key", "--add", "ada", "--rate", "10000").out.split()[-1]
    service = Service(project)
    everybody = Everybody(service, key, tries=1)
    client, platipy = everybody.own, everybody.platipy
    try:
        assert client.act("set", ["old/a"], status="wait")[0]["after"] == "wait"
        dataset = platipy.post("/api/dataset")["id"]
        file = platipy.upload(dataset, "text.txt", b"text")
        disk.fill()
        asked = '{kind: subject, name: new, long: "' + "x" * 20_000 + '"}'
        for change in (
            lambda: client.apply(asked),
            lambda: client.act("review", ["old/a"], reason="x" * 10_000),
        ):
            with pytest.raises(ServiceError, match=r"can't be written: .*(full|No space)") as told:
                change()
            assert told.value.status == 503
            assert [row["status"] for row in client.analyses()] == ["wait"]
            assert client.analysis("old", "a")["status"] == "wait"
        text = form({"dataset": dataset, "type": "FILE", "file_name": "y"}, bytes(100_000))
        config = {"dataset": dataset, "algorithm": "Copy", "config": f'{{"x": "{"x" * 20_000}"}}'}
        for path, body, media in (
            ("dataobject", text, "multipart/form-data; boundary=3b1f2c5e9a"),
            ("trigger", urlencode(config).encode(), "application/x-www-form-urlencoded"),
        ):
            code, said = platipy.call("POST", f"/api/{path}", body, media)
            assert (code, list(json.loads(said))) == (503, ["Error"]), said
        assert not list((project / "uploads" / "incoming").iterdir())
        for path, filled in (
            ("greeting@v0-1-0/process/", {"inputStr": "x" * 20_000}),
            ("shelf@v0-2-0/items/", {"name": "full", "content": "x" * 50_000}),
        ):
            everybody.ask(f"/plugins/{path}", filled, 503)
        everybody.ask("/tasks/1/", code=404)
        assert json.loads(everybody.ask("/plugins/shelf@v0-2-0/items/")) == {"items": []}
        assert platipy.get(f"/api/dataset/{dataset}")["input_data_objects"] == [file]
        assert b"greeting@v0-1-0" in everybody.ask("/plugins/")
        disk.make_room()
        assert client.apply(asked)["done"]
        assert client.act("review", ["old/a"], reason="x")[0]["analysis"] == "old/a"
        assert [each["name"] for each in client.subjects()] == ["new", "old"]
        started = everybody.start()
        assert finish(run).code == 0
        # The service takes stock of what the pass has stored, a moment later.
        end = time.monotonic() + 120
        while not everybody.ended(started):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        service.process.kill()
        service.process.communicate()


@needs_mount
def test_what_a_service_refuses_on_a_full_disk_is_not_done_later(
    project: Path, disk: Disk, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any room: 503 is for what left nothing, and what is recorded is accepted."""
    find_plugins(disk.folder.parent, monkeypatch)
    add_functions(project)
    key = run("manage", "key", "--add", "ada", "--rate", "10000").out.split()[-1]
    service = Service(project)
    everybody = Everybody(service, key, tries=1)
    platipy = everybody.platipy
    try:
        dataset = platipy.post("/api/dataset")["id"]
        platipy.upload(dataset, "text.txt", b"text")
        long = "x" * 20_000
        order = {"dataset": dataset, "algorithm": "Copy", "config": f'{{"x": "{long}"}}'}
        body, media = urlencode(order).encode(), "application/x-www-form-urlencoded"
        polls: list[str] = []
        tasks: list[str] = []
        for left in LEFT:
            if len(polls) < 2:
                disk.fill(left)
                code, said = platipy.call("POST", "/api/trigger", body, media)
                assert code in {200, 503}, said
                if code == 200:
                    polls.append(json.loads(said)["poll"])
                    assert platipy.get(polls[-1])["state"] == "PENDING"
            if len(tasks) < 2:
                disk.fill(left)
                with suppress(AssertionError):  # it is answered 503
                    greeting = "/plugins/greeting@v0-1-0/process/"
                    tasks.append(everybody.task(greeting, inputStr=long))
            assert all(everybody.shown(task)["status"] == "PENDING" for task in tasks)
        assert (len(polls), len(tasks)) == (2, 2)
        disk.make_room()
        platipy.post("/api/trigger", dataset=dataset, algorithm="Copy")  # finishes what is begun
        started = [each.split("/")[0].split("-")[0] for each in states(run)]
        assert (started.count("platipy"), started.count("qhana")) == (3, 2)
    finally:
        service.process.kill()
        service.process.communicate()


if not MOUNTS:

    def test_these_tests_in_a_namespace_of_their_own() -> None:
        if not _works(*IN_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"):
            text = "NO FULL DISK IS TESTED HERE: neither mount nor user namespaces are allowed"
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(text, pytrace=False)
            pytest.skip(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
        done = subprocess.run(
            [*IN_NAMESPACE, *command], check=False, capture_output=True, text=True, timeout=600,
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:]
