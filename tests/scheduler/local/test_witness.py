"""Keepers killed at each step between the start of a program and the record of its end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local import LocalScheduler, attempts, keeper, runner, witness
from asimov.scheduler.local.orphans import Loss
from asimov.system.processes import started_at
from tests.searching import first

_JOBS = 64
#: What a keeper does, in this order.
_STEPS = (
    "setsid",
    "claim",
    "chdir",
    "posix_spawn",
    "waitid",
    "write_note",
    "wait4",
    "write_ending",
)
_BOUNDARIES = [f"{when} {what}" for what in _STEPS for when in ("before", "after")]
_JOB = """\
#!/bin/sh
echo start >> "ran.$1"
sleep 0.0$(($1 % 4))
echo end >> "ran.$1"
exit $(($1 % 3))
"""


def test_the_code_of_the_runner_is_known_where_ends_of_children_were_ignored(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from asimov.scheduler.local.witness import witnessed\n"
        "sys.exit(witnessed(Path(sys.argv[1]), lambda witness: 7))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path], check=False, timeout=60,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )  # fmt: skip
    assert ran.returncode == 7


def _kill_keepers(seed: int) -> None:
    """Have each keeper that this process's children fork die at a boundary."""
    real_start = keeper.start
    due: list[str] = []
    kills = Path("kills").absolute()

    def reach(name: str) -> None:
        if due == [name]:
            with kills.open("a") as stream:
                stream.write(f"{name}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, method: str) -> None:
        real = getattr(owner, method)

        def bounded(*arguments: Any, **named: Any) -> Any:
            reach(f"before {method}")
            answer = real(*arguments, **named)
            reach(f"after {method}")
            return answer

        setattr(owner, method, bounded)

    def start(*arguments: Any, traces: Any, **named: Any) -> int:
        number, attempt, _ = traces.claim.name.split(".")
        if int(attempt) <= 2:  # what is never started is held in the end
            due.append(_BOUNDARIES[(int(number) + seed) % len(_BOUNDARIES)])
        pid = real_start(*arguments, traces=traces, **named)
        due.clear()
        return pid

    for name in ("setsid", "chdir", "posix_spawn", "waitid", "wait4"):
        around(os, name)
    for name in ("claim", "write_note", "write_ending"):
        around(keeper, name)
    attempts.start = start


def _start_runner(bench: Any, seed: int) -> int:
    """Start a runner with its witness, which is a child of this process."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _kill_keepers(seed)
        given = [str(bench.root), "6", "0.5"]
        witness.witnessed(bench.scheduler.spool.runs, lambda identity: runner.main(given, identity))
    finally:
        os._exit(0)


def _processes(bench: Any) -> list[Any]:
    with bench.scheduler.spool.reading() as db:
        return list(db.execute("SELECT * FROM processes"))


def _left(bench: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in _processes(bench) if row["state"] != "gone"]


def _alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    return False


@pytest.mark.parametrize("killed", first(1, ["keepers", "runners", "witnesses"]))
def test_whichever_step_a_keeper_is_killed_at_its_job_runs_once(bench, monkeypatch, killed):
    seed = random.randrange(1000)
    print("seed", seed)
    chance = random.Random(seed)
    monkeypatch.setattr(LocalScheduler, "wake", lambda self: None)
    bench.write("job", _JOB).chmod(0o755)
    job = bench.scheduler.submit(JobDescription("job", arguments="$(Process)", queue=_JOBS))
    children = [_start_runner(bench, seed)]
    deadline = time.monotonic() + 300
    kills = 0 if killed == "keepers" else 15
    while left := _left(bench):
        assert time.monotonic() < deadline, left[:3]
        bench.until(lambda: bench.runner() or not _left(bench), seconds=120)
        time.sleep(chance.uniform(0.02, 0.2))
        if kills and (pid := bench.runner()):
            kills -= 1
            if killed == "witnesses":  # and what it may have been left
                os.kill(children[-1], signal.SIGKILL)
            bench.kill(pid)
            # The next one would leave the queue to it as long as it lives.
            bench.until(lambda pid=pid: not started_at(pid), seconds=120)
            children.append(_start_runner(bench, seed))
    if killed == "keepers":
        assert set(Path("kills").read_text().splitlines()) == set(_BOUNDARIES)
    for row in _processes(bench):
        number = row["proc"]
        path = Path(f"ran.{number}")
        ran = path.read_text().split() if path.exists() else []
        if killed == "witnesses" and row["reason"] == Loss.UNKNOWN.value:
            assert (row["exit_code"], row["signal"]) == (None, 9)
            assert ran.count("start") <= 1
        else:
            assert (ran, row["exit_code"]) == (["start", "end"], number % 3), number
    bench.gone(job)
    bench.kill(bench.runner())
    bench.until(lambda: not any(map(_alive, children)), seconds=120)
