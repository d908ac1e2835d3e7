"""However the command ends, nothing of what it has started goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from asimov.testing.conformance.cleanup import cleared
from tests.searching import first

CHECK = [sys.executable, "-m", "asimov", "plugins", "check"]

#: Seconds: what takes longer has failed.
_LONG = 120.0


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + _LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def of_folder(top: Path) -> list[str]:
    """Return the processes that have to do with a folder: by their words, folder or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
            seen = f"{words} {(entry / 'cwd').readlink()} {(entry / 'environ').read_text()}"
        except (OSError, UnicodeDecodeError):
            continue
        if str(top) in seen:
            found.append(words)
    return found


def jobs_of(scratch: Path) -> list[str]:
    """Return what jobs in a folder write, which is made and removed meanwhile."""
    return [
        folder for folder, _, files in os.walk(scratch) if "node.out" in files
    ]  # os.walk minds no folder that has gone


@pytest.mark.parametrize("number", first(1, [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
def test_scene_jobs_and_folder_end_with_the_command(number: int, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("{seconds: 3600}")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    # Where the tests run in the background of a shell, Ctrl-C is ignored, and would be there too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = subprocess.Popen(
        [*CHECK, "simpletestpipeline", "--settings", str(settings)],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    signal.signal(signal.SIGINT, before)
    try:
        until(lambda: jobs_of(scratch))
        assert any("asimov.scheduler.local.runner" in words for words in of_folder(scratch))
        command.send_signal(number)
        command.wait(_LONG)
    finally:
        command.kill()
        command.wait()
    until(lambda: not list(scratch.iterdir()))
    until(lambda: not of_folder(scratch))


def test_an_installation_ends_with_the_command(tmp_path: Path) -> None:
    package, scratch, begun = tmp_path / "package", tmp_path / "tmp", tmp_path / "begun"
    package.mkdir()
    scratch.mkdir()
    (package / "backend.py").write_text(
        f"def build_wheel(*given):\n import time\n open({str(begun)!r}, 'w')\n time.sleep(3600)\n"
    )
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    command = subprocess.Popen(
        [*CHECK, str(package)],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(begun.exists)
    finally:
        command.kill()
        command.wait()
    until(lambda: not list(scratch.glob("asimov-*")))
    until(lambda: not of_folder(scratch))


def test_the_folder_is_gone_after_the_block_also_where_that_fails() -> None:
    with pytest.raises(ValueError, match="no"), cleared("asimov-test-") as top:
        (top / "file").touch()
        raise ValueError("no")
    assert not top.exists()


def test_who_only_has_the_folder_open_is_left_alone() -> None:
    with cleared("asimov-test-") as top:
        looks = subprocess.Popen(["/bin/sleep", "3600"], cwd=top)
        reads = subprocess.Popen(["/usr/bin/tail", "-f", "/dev/null", str(top / "x")])
    try:
        assert not top.exists()
        assert looks.poll() is None
        assert reads.poll() is None
    finally:
        for process in (looks, reads):
            process.kill()
            process.wait()
