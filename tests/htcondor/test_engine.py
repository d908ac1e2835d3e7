"""The engine on a real pool: crashes, service, whole runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.htcondor.conftest import OnAPool

pytestmark = pytest.mark.htcondor

ROOT = Path(__file__).parents[2]

#: Runs asimov so that the process is killed at a point of the first submission.
KILLED = """
import os, signal, sys
from asimov.cli import main
from asimov.engine import batch
from asimov.pipelines.testing import SimpleTestPipeline

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

point = sys.argv.pop(1)
own = SimpleTestPipeline.submit_dag
if point == "before the scheduler is called":
    SimpleTestPipeline.submit_dag = die
elif point == "after the scheduler was called":
    SimpleTestPipeline.submit_dag = lambda self, dryrun=False: (own(self), die())
elif point == "before the record":
    batch.record_job = die
main()
"""


SIMPLE = """
{kind: subject, name: s}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: b, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: c, pipeline: simpletestpipeline}
"""


def test_submissions_that_were_killed_have_one_job_each_after_the_next_pass(
    on_a_pool: OnAPool,
) -> None:
    on_a_pool.apply(SIMPLE)
    on_a_pool.run("manage", "build")
    points = {
        "a": "before the scheduler is called",
        "b": "after the scheduler was called",
        "c": "before the record",
    }
    for name, point in points.items():
        for other in points.keys() - {name}:
            on_a_pool.asimov("production", "set", "s", other, "--status", "wait")
        done = subprocess.run(
            [sys.executable, "-c", KILLED, point, "manage", "submit"],
            check=False, capture_output=True, text=True, env=os.environ,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        for other in points.keys() - {name}:
            on_a_pool.asimov("production", "set", "s", other, "--status", "ready")
        on_a_pool.run("monitor")
        assert on_a_pool.states()[f"s/{name}"] == ("ready" if name == "a" else "running")
    on_a_pool.finish()
    assert set(on_a_pool.states().values()) == {"uploaded"}
    ended = {name: [each["state"] for each in on_a_pool.attempts("s", name)] for name in points}
    assert ended == {"a": ["void", "ended"], "b": ["ended"], "c": ["ended"]}
    assert len(on_a_pool.jobs()) == 3


def test_the_monitor_in_the_background_is_a_job_until_it_is_stopped(on_a_pool: OnAPool) -> None:
    on_a_pool.apply(SIMPLE.split("---\n{kind: analysis, event: s, name: b", maxsplit=1)[0])
    ran = on_a_pool.run("start", "--interval", "0.5")
    (job,) = re.findall(r"as job (\d+)", ran.out)
    end = time.monotonic() + 240
    while on_a_pool.states() != {"s/a": "uploaded"}:
        log = on_a_pool.root / "logs" / "monitor.log"
        assert time.monotonic() < end, log.read_text() if log.exists() else "no log"
        time.sleep(0.3)
    on_a_pool.run("stop")
    assert "is not running in the background" in on_a_pool.run("stop", code=1).err
    asked = subprocess.run(
        ["condor_q", job, "-af", "JobStatus"], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() in {"", "3"}  # gone, or being removed


def test_arguments_and_environment_reach_a_program_as_they_are_written(
    on_a_pool: OnAPool,
) -> None:
    arguments = ["plain", "two words", "it's", 'say "x"', "100%", "$HOME $(id)", "", "a;b|c", "é"]
    environment = {"ONE": "two words", "TWO": 'it\'s "so"', "THREE": "50% $X"}
    script = (
        "import json, os, sys\n"
        f"found = {{key: os.environ[key] for key in {sorted(environment)}}}\n"
        "json.dump([sys.argv[1:], found], open('out.json', 'w'))\n"
    )
    (on_a_pool.root / "echo.py").write_text(script)
    document = {
        "kind": "analysis", "name": "a", "event": "s", "pipeline": "command",
        "executable": sys.executable, "arguments": ["echo.py", *arguments],
        "environment": environment, "outputs": {"out": "out.json"},
    }  # fmt: skip
    on_a_pool.apply("{kind: subject, name: s}\n---\n" + json.dumps(document))
    on_a_pool.finish()
    out = json.loads((on_a_pool.root / "working" / "s" / "a" / "out.json").read_text())
    assert out == [arguments, environment]
