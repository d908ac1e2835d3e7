"""``asimov monitor``: what is typed holds or is said not to, and lost jobs are counted apart."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asimov import configuration
from asimov.engine.log_watch import LOOK
from asimov.engine.watch_intervals import watch_intervals
from asimov.errors import AsimovError
from asimov.project.schedulers import Schedulers
from asimov.project.workspace import Workspace
from asimov.scheduler.htcondor import HTCondor
from tests.conftest import Ran

TIMEOUT = ("--watch", "--timeout", "0")


@pytest.fixture
def set_option(project: Path) -> Callable[[str, str], None]:
    """Write an option into the configuration, whatever it is."""

    def write(option: str, value: str) -> None:
        path = project / configuration.PROJECT_FILE
        section, _, name = option.partition("/")
        configuration.update_file(path, {(section, name): value})

    return write


@pytest.fixture
def on_htcondor(project: Path, asimov: Any, set_option: Any) -> Iterator[None]:
    """Have the project's jobs run on HTCondor, of which there is none here."""
    set_option("scheduler/type", "htcondor")
    set_option("condor/collector", "127.0.0.1:1")
    yield


@pytest.mark.parametrize("where", ["typed", "configured"])
def test_an_interval_below_the_floor_of_the_scheduler_is_said_once(
    on_htcondor: None, asimov: Callable[..., Ran], set_option: Any, where: str
) -> None:
    if where == "configured":
        set_option("monitor/interval", "1")
    typed = ("--interval", "1") if where == "typed" else ()
    ran = asimov("monitor", *TIMEOUT, *typed)
    assert ran.err == (
        "note: htcondor is queried at most every 60 s ([condor] query interval), not every 1 s; "
        "event logs are read every 1 s in between\n"
    )
    assert "note:" not in ran.out


def test_an_interval_that_holds_is_no_matter_for_a_word(
    on_htcondor: None, asimov: Callable[..., Ran], set_option: Any
) -> None:
    assert asimov("monitor", *TIMEOUT).err == ""
    assert asimov("monitor", *TIMEOUT, "--interval", "60").err == ""
    set_option("condor/query interval", "5")
    assert asimov("monitor", *TIMEOUT, "--interval", "5").err == ""
    assert "at most every 5 s" in asimov("monitor", *TIMEOUT, "--interval", "4").err


def test_the_interval_of_a_monitor_in_the_background_is_checked_when_it_is_started(
    on_htcondor: None, asimov: Callable[..., Ran]
) -> None:
    assert "note: htcondor is queried at most every 60 s" in asimov("start", "--interval", "1").err


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "0.05", "soon", ""])
def test_an_interval_that_is_none_is_refused(
    project: Path, asimov: Callable[..., Ran], set_option: Any, value: str
) -> None:
    ran = asimov("monitor", "--watch", "--interval", value)
    assert ran.code == 2 and "--interval" in ran.err, ran
    set_option("monitor/interval", value)
    ran = asimov("monitor", *TIMEOUT)
    assert ran.code == 1 and ran.err.startswith("error: configuration: monitor/interval: "), ran


@pytest.mark.parametrize("option", ["--interval", "--timeout", "--while"])
def test_an_option_of_a_watch_is_refused_where_there_is_none(
    project: Path, asimov: Callable[..., Ran], option: str
) -> None:
    ran = asimov("monitor", option, "5")
    assert ran.code == 2
    assert f"{option} needs --until-idle or --watch" in ran.err


@given(
    typed=st.none() | st.floats(0.1, 1e6),
    configured=st.none() | st.floats(0, 1e6),
    floor=st.floats(0, 1e6),
)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_interval_that_holds_is_the_given_one_or_the_difference_is_said(
    workspace: Workspace,
    typed: float | None,
    configured: float | None,
    floor: float,
) -> None:
    config = workspace.project.config
    config.set("scheduler", "type", "htcondor")
    config.remove_option("monitor", "interval")
    if configured is not None:
        config.set("monitor", "interval", repr(configured))
    workspace._schedulers = Schedulers(workspace.project, workspace.journal)
    config.set("condor", "query interval", repr(floor))
    assert isinstance(workspace.scheduler(), HTCondor)
    asked = configured if typed is None else typed
    try:
        intervals = watch_intervals(workspace, typed)
    except AsimovError:
        assert typed is None and configured is not None and configured < 0.1
        return
    assert intervals.passes >= floor and 0 < intervals.looks <= LOOK
    if asked is None:
        assert (intervals.passes, intervals.note) == (max(60, floor), None)
    elif intervals.passes == asked:
        assert intervals.note is None
    else:
        assert intervals.note is not None and f"not every {asked:g} s" in intervals.note


#: Each option that is a number, and values that it can't have.
NUMBERS = {
    "monitor/interval": ["0", "-1", "x", "nan", "inf"],
    "monitor/patience": ["-1", "x", "nan", "inf"],
    "monitor/hook timeout": ["-1", "x", "nan", "inf"],
    "monitor/hooks interval": ["-1", "x", "nan", "inf"],
    "monitor/lease": ["0", "0.5", "-1", "x", "nan", "inf"],
    "monitor/max active": ["1.5", "-1", "x", "nan", "inf"],
    "monitor/max submissions": ["1.5", "-1", "x", "nan", "inf"],
    "condor/max queued": ["1.5", "-1", "x", "nan", "inf"],
    "condor/query interval": ["-1", "x", "nan", "inf"],
    "local/processes": ["0", "1.5", "-1", "x", "nan", "inf"],
    "local/grace": ["-1", "x", "nan", "inf"],
}


@pytest.mark.parametrize("option", NUMBERS)
def test_a_number_that_can_not_be_is_refused_and_never_replaced(
    project: Path, asimov: Callable[..., Ran], set_option: Any, option: str
) -> None:
    if option.startswith("condor/"):
        set_option("scheduler/type", "htcondor")
        set_option("condor/collector", "127.0.0.1:1")
    (project / "a.yaml").write_text(
        "{kind: subject, name: s}\n---\n{kind: analysis, event: s, name: a, "
        "pipeline: simpletestpipeline}\n"
    )
    assert asimov("apply", "-f", "a.yaml").code == 0
    for value in NUMBERS[option]:
        set_option(option, value)
        ran = asimov("monitor", "--chain", *TIMEOUT)
        assert f"configuration: {option}: " in ran.err + ran.out, (value, ran)


def test_every_option_that_is_a_number_is_tried_here() -> None:
    read = set()
    top = Path(configuration.__file__).parent
    for path in top.rglob("*.py"):
        if path.is_relative_to(top / "server"):
            continue  # tests/cli/test_serve.py has those
        asked = r'(?:number|_whole)\((?:\s*[\w.]+,)?\s*"(\w+)",\s*"([\w ]+)"'
        read |= {f"{section}/{name}" for section, name in re.findall(asked, path.read_text())}
    assert read == NUMBERS.keys()


@pytest.fixture
def lost(project: Path, asimov: Callable[..., Ran]) -> None:
    """Two analyses whose jobs nobody knows any more, and one that runs."""
    (project / "a.yaml").write_text(
        "{kind: subject, name: s}\n"
        + "".join(
            f"---\n{{kind: analysis, event: s, name: {name}, pipeline: simpletestpipeline, "
            "seconds: 1000}\n"
            for name in "abc"
        )
    )
    for command in (("apply", "-f", "a.yaml"), ("manage", "build", "submit")):
        ran = asimov(*command)
        assert ran.code == 0, ran
    (spool,) = (project / ".asimov" / "local").glob("*.db")
    with closing(sqlite3.connect(project / ".asimov" / "journal.db")) as journal:
        [(c,)] = journal.execute("SELECT job_id FROM attempts WHERE name = 'c'")
    with closing(sqlite3.connect(spool, timeout=60)) as db, db:
        db.execute("DELETE FROM clusters WHERE id != ? AND coalesce(dag, 0) != ?", (c, c))


def test_lost_jobs_are_counted_apart(lost: None, asimov: Callable[..., Ran]) -> None:
    ran = asimov("monitor")
    assert "1 running, 2 lost" in ran.out.splitlines()
    assert "'asimov why --state lost' says what to do" in ran.out
    rows = [line.split() for line in asimov("status").out.splitlines()]
    first, second, third = [row[2] for row in rows if row[0].startswith("s/")]
    assert first == second == "lost"
    assert third in {"idle", "running"}
    assert '"job_state": "lost"' in asimov("status", "--json").out


def test_until_idle_says_that_it_gives_up_since_jobs_are_lost(
    lost: None, asimov: Callable[..., Ran], set_option: Any
) -> None:
    asimov("production", "set", "s", "c", "--status", "stop")
    set_option("monitor/patience", "0.2")
    ran = asimov("monitor", "--until-idle", "--interval", "0.1", "--timeout", "300")
    assert ran.code == 3, ran
    assert "1 stopped, 2 lost" in ran.out
    last = ran.out.splitlines()[-1]
    assert last == "gave up: only lost jobs were left for 0.2 s ([monitor] patience)"


LONG = "pipeline: command, executable: /bin/sleep, arguments: ['900'], outputs: {y: y}"


def test_a_watch_has_times_and_says_how_much_is_done_and_what_goes_on_after_ctrl_c(lab):
    done = "pipeline: command, executable: /bin/sh, arguments: [-c, echo > y], outputs: {y: y}"
    lab.apply(f"done, {done}")
    lab.finish()
    lab.apply(f"long, {LONG}", f"longer, {LONG}")
    program = "import sys; from asimov.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "monitor", "--watch", "--chain"], cwd=lab.root,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as watching:  # fmt: skip
        lines = []
        while not lines or "1 of 3 done" not in lines[-1]:
            lines.append(watching.stdout.readline())
            assert lines[-1], lines
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate()
    assert watching.returncode == 130
    assert all(re.match(r"\d\d:\d\d:\d\d \S", line) for line in lines), lines
    assert lines[-1].rstrip().endswith("1 of 3 done: 2 running, 1 uploaded")
    told = "stopped watching; 2 jobs are still in the queue. 'asimov monitor' checks on them again"
    assert told in said
    assert lab.states() == {"done": "uploaded", "long": "running", "longer": "running"}
    for name in ("long", "longer"):
        lab.run("production", "set", f"s/{name}", "-s", "cancelled")
