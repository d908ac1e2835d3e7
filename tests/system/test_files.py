"""Atomic writing, and locks."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest

from asimov.errors import EXIT_BUSY, AsimovError
from asimov.system.files import DiskFullError, locked, write_atomically


@pytest.fixture
def small(tmp_path):
    """Return a folder on a file system of 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("only root can make a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_the_new_content_replaces_the_old(tmp_path):
    path = tmp_path / "new folder" / "f"
    for content in ("größe\n", b"\xff\0", ""):
        write_atomically(path, content)
        assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert list(path.parent.iterdir()) == [path]


def test_the_mode_of_a_file_is_kept_and_of_a_new_one_is_the_umasks(tmp_path):
    path = tmp_path / "f"
    before = os.umask(0o027)
    try:
        write_atomically(path, "1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_atomically(path, "2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


@pytest.mark.parametrize("sync", [True, False])
def test_on_a_full_disk_the_old_content_is_whole_and_the_message_names_the_file(small, sync):
    path = small / "f"
    write_atomically(path, "old" * 1000)
    with pytest.raises(DiskFullError) as told:
        write_atomically(path, "new" * 100_000, sync=sync)
    assert str(told.value) == f"{path}: can't be written: No space left on device"
    assert path.read_text() == "old" * 1000
    assert list(small.iterdir()) == [path]


def test_at_the_limit_of_a_files_size_the_old_content_is_whole(tmp_path):
    path = tmp_path / "f"
    write_atomically(path, "old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(AsimovError, match="can't be written: File too large"):
            write_atomically(path, "new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(AsimovError, match="can't be written"):
        write_atomically(tmp_path / "f" / "g", "x")


def test_a_kill_at_any_moment_leaves_the_old_or_the_new(tmp_path):
    path = tmp_path / "f"
    write_atomically(path, "a" * 10_000)
    program = """
        import sys
        from pathlib import Path
        from asimov.system.files import write_atomically

        print("up", flush=True)
        while True:
            for letter in "ab":
                write_atomically(Path(sys.argv[1]), letter * 10_000, sync=False)
        """
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(path)], stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"up\n"
        seen = {path.read_text() for _ in range(200)}
        process.kill()
        process.communicate()
        assert seen | {path.read_text()} <= {"a" * 10_000, "b" * 10_000}


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK])
def test_without_locks_nothing_is_left_beside_a_file(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "f"
    for content in ("1", "2"):
        write_atomically(path, content)
        assert path.read_text() == content
        assert list(tmp_path.iterdir()) == [path]


def test_what_failed_is_removed_while_it_is_locked(tmp_path, monkeypatch):
    path = tmp_path / "f"
    real = Path.unlink
    removed = []

    def fail(_):
        raise OSError(errno.EIO, "no")

    def unlink(self, missing_ok=False):
        with self.open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        removed.append(self)
        real(self, missing_ok)

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(AsimovError, match="can't be written"):
        write_atomically(path, "1")
    assert removed
    assert not list(tmp_path.iterdir())


def test_a_lock_is_held_once_and_says_by_whom(tmp_path):
    lock = tmp_path / "folder" / "lock"
    with locked(lock, "testing"):
        assert lock.read_text().startswith(f"testing, process {os.getpid()} on ")
        with (
            pytest.raises(AsimovError, match="another asimov process is using") as told,
            locked(lock, "more", wait=False),
        ):
            raise AssertionError("it was held")
        assert "testing, process" in str(told.value)
        assert told.value.exit_code == EXIT_BUSY
    assert lock.read_text() == ""


def test_a_lock_may_be_waited_for_so_long(tmp_path):
    lock = tmp_path / "lock"
    with ExitStack() as held:
        held.enter_context(locked(lock, "testing"))
        began = time.monotonic()
        with pytest.raises(AsimovError, match="testing"), locked(lock, "more", wait=0.2):
            raise AssertionError("it was held")
        assert time.monotonic() - began >= 0.2
        end = threading.Timer(0.2, held.close)
        end.start()
        with locked(lock, "more", wait=60.0):
            assert lock.read_text().startswith("more")
        end.join()
    with locked(lock, "again", wait=False):
        pass


def test_a_lock_is_free_once_its_process_is_dead(tmp_path):
    lock = tmp_path / "lock"
    program = (
        "import os, signal, sys; from pathlib import Path; from asimov.system.files import locked\n"
        "with locked(Path(sys.argv[1]), 'dying'):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(lock)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert lock.read_text().startswith("dying")
    with locked(lock, "next", wait=False):
        assert lock.read_text().startswith("next, process")


def test_a_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock", "failing"):
        raise KeyError
    with locked(tmp_path / "lock", "next", wait=False):
        pass


def test_a_lock_that_can_not_be_made(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(AsimovError, match="can't be locked"), locked(tmp_path / "f" / "l", "x"):
        raise AssertionError("it was held")


def test_what_a_killed_process_has_left_is_used_again(tmp_path):
    (tmp_path / ".a.new").write_text("half of something much longer")
    write_atomically(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("kind", ["in use", "a folder", "a link"])
def test_a_temporary_name_that_can_not_be_had_is_no_obstacle(tmp_path, kind):
    left = tmp_path / ".a.new"
    if kind == "a folder":
        left.mkdir()
    elif kind == "a link":
        (tmp_path / "other").write_text("other")
        left.symlink_to("other")
    with left.open("w") if kind == "in use" else nullcontext() as stream:
        if stream:
            stream.write("of another")
            stream.flush()
            fcntl.flock(stream, fcntl.LOCK_EX)
        write_atomically(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    if kind == "in use":
        assert left.read_text() == "of another"
    if kind == "a link":
        assert (tmp_path / "other").read_text() == "other"


#: Writes a file again and again, each time full of one digit.
WRITER = """
import sys
from pathlib import Path
from asimov.system.files import write_atomically
number = 0
while True:
    number += 1
    write_atomically(Path("a"), str(number % 10) * 20_000, sync=False)
    print(flush=True)
"""


def test_writers_at_once_that_are_killed_leave_a_whole_file_and_few_others(tmp_path):
    for _ in range(4):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER], cwd=tmp_path, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout
            for _ in range(random.randrange(1, 50)):
                writer.stdout.readline()
            text = (tmp_path / "a").read_text()
            assert (len(text), len(set(text))) == (20_000, 1)
        for writer in writers:
            writer.kill()
            writer.communicate()
    write_atomically(tmp_path / "a", "end")
    assert (tmp_path / "a").read_text() == "end"
    assert not (tmp_path / ".a.new").exists()
    # Whoever found the usual name in use may have left another.
    assert len(list(tmp_path.iterdir())) <= 1 + 4
