"""A program in a process group of its own, with a time limit."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from asimov.system import processes
from asimov.system.child_process import ChildProcess, exit_text


def run(tmp_path: Path, program: str, **how: Any) -> tuple[int | None, str]:
    return run_command(tmp_path, [sys.executable, "-c", program], 120, **how)


def run_command(
    tmp_path: Path, command: list[str], seconds: float, **how: Any
) -> tuple[int | None, str]:
    with (tmp_path / "output").open("wb") as output:
        child = ChildProcess(command, seconds, output=output, **how)
        while not child.is_over:
            time.sleep(0.01)
        code = child.close()
    return code, (tmp_path / "output").read_text()


@pytest.mark.parametrize(
    ("program", "code", "text"),
    [
        ("", 0, "exit code 0"),
        ("import os; os._exit(3)", 3, "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", -9, "SIGKILL"),
    ],
)
def test_its_exit_code_or_signal_is_returned(
    tmp_path: Path, program: str, code: int, text: str
) -> None:
    assert run(tmp_path, program) == (code, "")
    assert exit_text(code) == text


def test_it_reads_what_it_is_given_in_its_folder_and_environment(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    program = "import os, sys; print(sys.stdin.read(), os.getcwd(), os.environ['A'])"
    how = {"given": b"text", "folder": tmp_path / "folder", "environment": {"A": "b"}}
    assert run(tmp_path, program, **how) == (0, f"text {tmp_path / 'folder'} b\n")


def test_after_its_time_it_is_killed_with_everything_it_has_started(tmp_path: Path) -> None:
    # A shell, which comes to that in its time on a busy machine as well.
    script = ["/bin/sh", "-c", "sleep 1000 & echo $!; wait"]
    code, printed = run_command(tmp_path, script, 3)
    assert code is None
    end = time.monotonic() + 120
    while processes.started_at(int(printed)) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_it_leaves_running_is_killed_as_well(tmp_path: Path) -> None:
    program = "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid)"
    code, printed = run(tmp_path, program)
    assert code == 0
    end = time.monotonic() + 120
    while processes.started_at(int(printed)) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_closing_it_early_kills_it(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        child = ChildProcess(["sleep", "1000"], 60, output=output)
    assert not child.is_over
    assert child.close() is None
    assert child.is_over
