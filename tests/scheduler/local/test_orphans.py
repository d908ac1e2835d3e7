"""Processes left by a killed keeper are distinguished from others with the same numbers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local.claims import claim, read_claim, this_machine
from asimov.scheduler.local.endings import traces
from asimov.scheduler.local.keeper import MARK
from asimov.scheduler.local.orphans import Loss, in_session, left_by, outcome, signal_left
from asimov.system.processes import look_at, started_at, this_boot

_MARK = "1:2:3"
#: Starts a job in a group of its own, as shells do.
_SHELL = "import os, subprocess; subprocess.Popen(['sleep', '1000'], preexec_fn=os.setpgrp)"


@pytest.fixture
def session() -> Iterator[int]:
    """Return a session whose leader is dead, as that of a login shell, with a job in it."""
    shell = subprocess.Popen([sys.executable, "-c", _SHELL], start_new_session=True)
    assert shell.wait() == 0
    yield shell.pid
    for each in in_session(shell.pid):
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGKILL)


def _claimed(folder: Path, keeper: int, start: str) -> Path:
    path = traces(folder, "1.1").claim
    assert claim(path, f"{keeper} {start} {this_boot()} {this_machine()} {os.getpid()} 1")
    return path


def test_a_session_of_others_is_not_taken_for_the_attempt(session: int, tmp_path: Path) -> None:
    (job,) = in_session(session)
    found = read_claim(_claimed(tmp_path, session, "1"))
    assert outcome(traces(tmp_path, "1.1"), _MARK) is Loss.UNKNOWN
    signal_left(found, _MARK, signal.SIGKILL)
    assert started_at(job.pid)


def test_a_session_whose_leader_is_another_is_not_taken_for_the_attempt(tmp_path: Path) -> None:
    # It even carries the mark, as processes that a job left behind may.
    with subprocess.Popen(
        [sys.executable, "-c", f"{_SHELL}.wait()"], start_new_session=True,
        env={**os.environ, MARK: _MARK},
    ) as shell:  # fmt: skip
        while not (jobs := in_session(shell.pid)):
            time.sleep(0.01)
        start = int(started_at(shell.pid) or 0) - 1
        found = read_claim(_claimed(tmp_path, shell.pid, str(start)))
        assert outcome(traces(tmp_path, "1.1"), _MARK) is Loss.UNKNOWN
        assert left_by(found, _MARK) == []
        for each in (shell.pid, *(job.pid for job in jobs)):
            os.kill(each, signal.SIGKILL)


def test_a_program_that_cleared_its_environment_is_known_by_when_it_began(
    session: int, tmp_path: Path
) -> None:
    (job,) = in_session(session)
    found = read_claim(_claimed(tmp_path, session, str(job.start - 1)))
    assert outcome(traces(tmp_path, "1.1"), _MARK) is None
    signal_left(found, _MARK, signal.SIGTERM)
    while (seen := look_at(job.pid)) and not seen.dead:
        time.sleep(0.01)


def test_a_removal_ends_no_strangers_and_the_attempt_ends(bench, session: int) -> None:  # type: ignore[no-untyped-def]
    (job,) = in_session(session)
    cluster = bench.scheduler.submit(JobDescription("sleep", arguments="1000"))
    runs = bench.scheduler.spool.runs
    bench.until(lambda: list(runs.glob("*.claim")))
    (claimed,) = runs.glob("*.claim")
    words = str(claimed.readlink()).split()
    bench.kill_runner()
    # A day later: all who knew of it are dead, and the keeper's number is another session's.
    for pid in (int(words[4]), int(words[0])):
        os.kill(pid, signal.SIGKILL)
    for each in in_session(int(words[0])):
        os.kill(each.pid, signal.SIGKILL)
    claimed.unlink()
    claimed.symlink_to(" ".join([str(session), "1", *words[2:]]))
    bench.scheduler.remove(cluster)
    bench.gone(cluster)
    assert started_at(job.pid)


def test_whatever_is_claimed_no_process_is_signalled_that_is_not_the_attempts(
    session: int, tmp_path: Path
) -> None:
    """Claims with any number: a signal reaches nothing that existed before the keeper."""
    seed = random.randrange(1_000_000)
    draw = random.Random(seed)
    (job,) = in_session(session)
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    for _ in range(50):
        keeper = draw.choice([session, *numbers])
        path = _claimed(tmp_path, keeper, str(job.start + draw.randrange(1, 10**6)))
        assert left_by(read_claim(path), _MARK) == [], (seed, keeper)
        path.unlink()
