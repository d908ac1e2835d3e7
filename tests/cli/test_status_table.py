"""What people see of the state of analyses: totals, order, widths, run times, the watch."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from asimov.cli.terminal import status_table, table
from asimov.engine.run_times import Experience
from asimov.engine.status import Row, by_urgency, rows, shown_state, totals
from asimov.journal.keys import Key
from asimov.journal.run_times import record_starts
from asimov.project.workspace import Workspace
from asimov.system import clock
from tests import preloaded

HOUR = 3600.0
LONG = "n" * 100
BLUEPRINTS = "\n---\n".join(
    [
        *(
            f"{{kind: subject, name: s{i}, analyses: [{{name: a, pipeline: command}}, "
            f"{{name: {LONG}, pipeline: command}}, {{name: b, pipeline: simpletestpipeline}}]}}"
            for i in range(5)
        ),
    ]
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("status")
    (root / "all.yaml").write_text(BLUEPRINTS)
    for words in ("init Test --scheduler local", "apply -f all.yaml"):
        assert preloaded.run(preloaded.ASIMOV, *words.split(), cwd=root).returncode == 0
    opened = Workspace.open(root)
    journal, begin = opened.journal, time.time() - 100 * HOUR

    def run(key: Key, hours: float | None, state: str, began: float = begin) -> None:
        uid = str(key)
        with clock.replaced(lambda: began):
            journal.intend(key, uid, "run", "local")
            journal.submitted(uid, 7, [])
            journal.set_status(key, "ready", "running", "submit", None)
            if hours is not None:
                record_starts(journal, {uid: began})
            journal.observed([(key, "running" if hours is not None else None, None, None)])
        if state != "running":
            with clock.replaced(lambda: began + (hours or 0) * HOUR + 30):
                end = began + (hours or 0) * HOUR
                journal.ended(uid, "ended", exit_code=0, evidence="queue", reason="", finished=end)
                journal.observed([(key, None, None, None)])
                journal.set_status(key, "running", state, "monitor", f"it is {state}")

    for i, hours in enumerate((1, 2, 6)):
        run(Key(f"s{i}", "a"), hours, "uploaded")
    run(Key("s3", "a"), 1, "running", time.time() - 0.5 * HOUR)
    run(Key("s4", "a"), 1, "running", time.time() - 9 * HOUR)
    run(Key("s0", LONG), 1, "running", time.time() - 0.5 * HOUR)
    run(Key("s0", "b"), 1, "running", time.time() - 0.5 * HOUR)
    run(Key("s1", "b"), None, "running")
    run(Key("s2", "b"), None, "running")
    journal.observed([(Key("s2", "b"), "idle", None, None)])
    run(Key("s3", "b"), 0.5, "stuck")
    run(Key("s4", "b"), None, "running")
    journal.observed([(Key("s4", "b"), "held", "held: no disk", None)])
    journal.set_status(Key("s4", LONG), "ready", "review", "person", None)
    journal.close()
    return root


@pytest.fixture
def opened(scene: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(scene, reading=True)
    yield workspace
    workspace.journal.close()


@pytest.fixture
def found(opened: Workspace) -> dict[str, Row]:
    return {f"{row.subject}/{row.name}": row for row in rows(opened, opened.keys())}


def test_totals_come_first_then_what_needs_a_person(found: dict[str, Row]) -> None:
    line = status_table.total_line(list(found.values()))
    assert line == (
        "15 analyses: 1 stuck, 1 held, 1 review, 4 running, 1 submitted, 1 idle, 3 ready, "
        "3 uploaded"
    )
    ordered = [row.state for row in by_urgency(found.values())]
    assert ordered[:3] == ["stuck", "held", "review"]
    rest = [row for row in found.values() if not row.urgent]
    assert by_urgency(found.values())[3:] == rest
    assert list(totals([])) == []


@pytest.mark.parametrize(
    ("status", "job", "shown"),
    [
        ("running", "running", "running"),
        ("running", "idle", "idle"),
        ("running", "held", "held"),
        ("running", "lost", "lost"),
        ("running", None, "submitted"),
        ("stuck", "held", "stuck"),
        ("stuck", "lost", "stuck"),
        ("processing", "idle", "processing"),
        ("uploaded", None, "uploaded"),
    ],
)
def test_a_job_that_waits_does_not_run(status: str, job: str | None, shown: str) -> None:
    assert shown_state(status, job) == shown


def test_the_run_time_counts_from_the_start_of_the_job_to_its_end(found: dict[str, Row]) -> None:
    assert found["s1/a"].run_time == pytest.approx(2 * HOUR)
    assert found["s3/b"].run_time == pytest.approx(HOUR / 2)
    assert found["s3/a"].run_time == pytest.approx(HOUR / 2, abs=60)
    for waiting in ("s1/b", "s2/b", f"s1/{LONG}"):
        assert found[waiting].run_time is None
    (heading, cells) = status_table.columns([found["s1/a"]])
    assert cells[0][heading.index("run time")] == "2:00:00"


def test_the_remaining_time_is_judged_by_similar_earlier_runs(
    found: dict[str, Row], opened: Workspace
) -> None:
    by_name = found["s3/a"]
    assert by_name.estimate == pytest.approx(1.5 * HOUR, abs=60)
    assert by_name.estimate_basis == "3 runs of command named a took 2h (median)"
    assert found["s4/a"].estimate == 0
    by_pipeline = found[f"s0/{LONG}"]
    assert by_pipeline.estimate == pytest.approx(1.5 * HOUR, abs=60)
    assert by_pipeline.estimate_basis == "3 runs of command took 2h (median)"
    assert found["s0/b"].estimate is None  # the failed run of its pipeline says nothing
    assert found["s1/a"].estimate is None
    assert Experience(opened).estimate(Key("s1", "b")) is None
    heading, cells = status_table.columns(list(found.values()))
    left = {row[0]: row[heading.index("left")] for row in cells}
    assert re.fullmatch("~(1h|89m|90m)", left["s3/a"])
    assert (left["s4/a"], left["s0/b"], left["s2/b"]) == ("overdue", "?", "")
    assert "? if there are none" in status_table.note_on(cells, heading)


@pytest.mark.parametrize("columns", [200, 100, 60, 40])
def test_the_state_is_never_cut(found: dict[str, Row], columns: int) -> None:
    wide = Row(
        "日本", "語" * 60, "command", "processing", 1, None, "進捗" * 9, None, None, ["待" * 50],
        state="processing",
    )  # fmt: skip
    heading, cells = status_table.columns([*found.values(), wide])
    console = Console(width=columns, force_terminal=False)
    with console.capture() as captured:
        widths = table.fitted(heading, cells, columns, status_table.SPARE)
        console.print(table.drawn(heading, cells, widths))
    lines = captured.get().splitlines()
    assert all(table.width(line) <= columns for line in lines)
    states = [row.state for row in [*found.values(), wide]]
    told = [
        match[0]
        for line in lines[1:]
        if (match := re.search(rf"(?<=  )({'|'.join(set(states))})(?=  |$)", line))
    ]
    assert told == states
    assert LONG in "".join(line[: widths[0]].strip() for line in lines)  # folded, not cut


def test_plain_text_is_aligned_whatever_the_width_of_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table.show(("analysis", "state"), [["日本/語", "ready"], ["river/flow", "stuck"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["analysis    state", "日本/語     ready", "river/flow  stuck"]


def test_json_keeps_its_order_and_gains_keys(
    scene: Path, asimov, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scene)
    shown = json.loads(asimov("status", "--json").out)
    assert [row["subject"] for row in shown[:3]] == ["s0", "s0", "s0"]
    row = next(each for each in shown if (each["subject"], each["name"]) == ("s2", "b"))
    assert (row["status"], row["state"], row["job_state"]) == ("running", "idle", "idle")
    ran = next(each for each in shown if (each["subject"], each["name"]) == ("s0", "a"))
    assert ran["run_time"] == pytest.approx(HOUR)
    assert ran["started"].endswith("Z")
    only = json.loads(asimov("status", "--state", "idle", "--json").out)
    assert [(each["subject"], each["name"]) for each in only] == [("s2", "b")]
    assert json.loads(asimov("status", "--state", "lost", "--json").out) == []
    assert asimov("status", "--state", "lost").out == "No analysis matches\n"


def screen(found: dict[str, Row], columns: int, lines: int) -> list[str]:
    console = Console(width=columns, height=lines, force_terminal=False)
    with console.capture() as captured:
        console.print(status_table.on_screen(list(found.values()), ["monitor: none"], console))
    return captured.get().splitlines()


@pytest.mark.parametrize(("columns", "lines"), [(200, 50), (120, 12), (60, 24), (80, 8)])
def test_the_watch_fits_the_screen(found: dict[str, Row], columns: int, lines: int) -> None:
    shown = screen(found, columns, lines)
    assert len(shown) < lines
    assert shown[0].startswith("15 analyses: 1 stuck")
    assert "s3/b" in shown[2]
    assert shown[-1] == "monitor: none"
    if lines < 50:
        more = next(line for line in shown if line.startswith("and "))
        assert re.fullmatch(r"and \d+ more", more)


def test_the_watch_on_a_terminal(scene: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(scene)
        os.environ.update(LINES="12", COLUMNS="70", TERM="xterm")
        os.execv(sys.executable, [sys.executable, "-m", "asimov", "status", "--watch"])
    told = b""
    while b"more" not in told or b"monitor:" not in told:
        told += os.read(terminal, 10_000)
    subprocess.run(["kill", "-INT", str(pid)], check=True)
    try:
        while os.read(terminal, 10_000):
            pass
    except OSError:
        pass  # it has ended
    os.waitpid(pid, 0)
    os.close(terminal)
    assert told.partition(b"monitor:")[0].count(b"\n") < 12  # it is shown again later
    assert b"15 analyses: 1 stuck" in told
