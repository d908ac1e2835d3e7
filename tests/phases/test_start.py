"""A script of its own runs phases on this machine: processes, logs, failures, exit codes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from numpy.random import SeedSequence, default_rng

from tests.searching import first

SCRIPT = """
import sys
from pathlib import Path
from asimov.phases import Pipeline, generate_assets, start_pipeline
from synthetic_phases import Foreign, Sharing, drawing, traces

pipeline = Pipeline({phases}, {active}, Path("space"), Path("traces"))

if __name__ == "__main__":
    answer = {call}
    assert answer is None
    print("all went well")
"""


@pytest.fixture
def script(tmp_path, synthetic):
    """Run a script with phases and a call; return how it ended."""
    synthetic.traces(tmp_path / "traces", {1: 10, 2: 50, 3: 20, 4: 0, 5: 40, 7: 30})

    def run(
        phases="[drawing('A'), drawing('B', 'a')]",
        active="[True, True]",
        call="start_pipeline(pipeline, 1, 7, 2, seed=4)",
        **how,
    ):
        text = SCRIPT.format(phases=phases, active=active, call=call)
        (tmp_path / "script.py").write_text(textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True,
            check=False, timeout=300, **how,
        )  # fmt: skip

    return run


def results(space, phase="B"):
    return {path.name: path.read_text() for path in sorted((space / phase).iterdir())}


def test_runs_are_dealt_to_processes_and_logged(script, tmp_path):
    done = script()
    assert done.returncode == 0, done.stderr
    assert "all went well" in done.stdout
    assert "process 0" in done.stdout
    log = tmp_path / "space" / "log"
    assert sorted(path.name for path in log.iterdir()) == [
        "log_proc0.txt", "log_proc1.txt", "log_procParent.txt",
    ]  # fmt: skip
    parent = (log / "log_procParent.txt").read_text()
    assert "Run stacks: [[2, 3, 1], [5, 7]]" in parent
    assert "Seed: 4\n" in parent
    said = [
        re.findall(r"B has done run (\d)", (log / f"log_proc{n}.txt").read_text()) for n in "01"
    ]
    assert said == [["2", "3", "1"], ["5", "7"]]
    made = {path.name for path in (tmp_path / "space").iterdir()}
    assert made == {"log", "A", "A_assets", "B", "B_assets"}
    # Each run has random numbers of its own.
    a, b = default_rng(SeedSequence(4, spawn_key=(7,))).normal(size=2)
    assert results(tmp_path / "space")["run_0007.txt"] == f"{'t' * 30} {float(a)!r} {float(b)!r}\n"


@pytest.mark.long
def test_results_do_not_depend_on_the_number_of_processes(script, tmp_path):
    script()
    first = results(tmp_path / "space")
    assert len(first) == 5
    for processes in (1, 5):
        (tmp_path / "space").rename(tmp_path / f"before {processes}")
        script(call=f"start_pipeline(pipeline, 1, 7, {processes}, True, seed=4)")
        assert results(tmp_path / "space") == first


def test_without_a_seed_one_is_drawn_and_logged(script, tmp_path):
    done = script(call="start_pipeline(pipeline, 1, 1, disable_display=True, runs_to_skip=None)")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all went well\n"
    log = (tmp_path / "space" / "log" / "log_procParent.txt").read_text()
    seed = int(re.search(r"Seed: (\d+)", log)[1])
    first = results(tmp_path / "space")
    script(call=f"start_pipeline(pipeline, 1, 1, seed={seed})")
    assert results(tmp_path / "space") == first


def test_runs_to_skip_and_outside_the_range_are_left_out(script, tmp_path):
    script(call="start_pipeline(pipeline, 2, 5, 4, runs_to_skip=[3])")
    assert list(results(tmp_path / "space")) == ["run_0002.txt", "run_0005.txt"]


@pytest.mark.parametrize("fault", first(2, ["raise", "kill", "invalid", "none", "exit"]))
def test_a_run_that_fails_leaves_all_others_finished(script, tmp_path, fault):
    done = script(f"[drawing('A'), drawing('B', 'a', faults={{'2': '{fault}'}})]")
    assert done.returncode == 1
    assert "1 run failed:\nrun 2: B: " in done.stderr
    assert "all went well" not in done.stdout
    left = results(tmp_path / "space")
    assert [name for name in left if name.endswith(".txt")] == [
        "run_0001.txt", "run_0003.txt", "run_0005.txt", "run_0007.txt",
    ]  # fmt: skip
    assert left["run_0002.txt.failed"] == "half"
    assert "run_0002.txt" in results(tmp_path / "space", "A")
    if fault == "kill":
        assert "run 2: B: its process ended: SIGKILL" in done.stderr
    if fault == "raise":
        assert "Traceback" in (tmp_path / "space" / "log" / "log_proc0.txt").read_text()


def test_phases_that_do_not_link_are_refused_before_anything_is_made(script, tmp_path, calls):
    done = script("[drawing('A'), drawing('B', 'c')]")
    assert done.returncode == 1
    assert done.stderr == (
        'error: APhase->BPhase do not link: one makes a .txt {"number": "float"};'
        ' the other expects c .txt {"number": "float"}\n'
    )
    assert not (tmp_path / "space").exists()
    assert not (tmp_path / "calls").exists()


def test_two_phases_of_one_name_are_refused(script, tmp_path):
    done = script("[drawing('A'), drawing('A', 'a')]")
    assert done.returncode == 1
    assert "two phases have the name 'A'" in done.stderr


def test_assets_that_can_not_be_made_stop_everything(script, calls):
    done = script("[drawing('A', note='no assets'), drawing('B', 'a')]")
    assert done.returncode == 1
    assert "error: A: create_assets returned False, so nothing was run" in done.stderr
    assert calls() == ["A assets"]


def test_no_runs_with_data_are_an_error(script, tmp_path):
    for call in ("start_pipeline(pipeline, 8, 9)", "start_pipeline(pipeline, 4, 4)"):
        done = script(call=call)
        assert done.returncode == 1
        assert "error: no runs from" in done.stderr
    assert "no runs from 4" in (tmp_path / "space" / "log" / "log_procParent.txt").read_text()


def test_phases_that_can_not_be_pickled_are_refused(script):
    done = script("[drawing('A'), Unpicklable()]".replace("Unpicklable()", "lambda: 1"))
    assert done.returncode != 0
    done = script(
        call="[setattr(pipeline.phases[0], 'x', lambda: 1), start_pipeline(pipeline, 1, 7)]"
    )
    assert "error: the phases can't be pickled" in done.stderr


def test_generate_assets_makes_them_and_nothing_else(script, tmp_path, calls):
    done = script(call="generate_assets(pipeline)")
    assert done.returncode == 0, done.stderr
    assert calls() == ["A assets", "B assets"]
    assert {path.name for path in (tmp_path / "space").iterdir()} == {
        "A", "A_assets", "B", "B_assets",
    }  # fmt: skip
    done = script("[drawing('A', note='no assets')]", "[True]", "generate_assets(pipeline)")
    assert done.returncode == 1


def test_shared_memory_is_there_in_every_process_and_gone_at_the_end(script, tmp_path, synthetic):
    def blocks():
        """Return the blocks of this name, which only this test uses."""
        return list(Path("/dev/shm").glob(f"*{synthetic.Sharing.BLOCK}*"))

    done = script("[Sharing(9)]", "[True]")
    assert done.returncode == 0, done.stderr
    assert set(results(tmp_path / "space", "Sharing").values()) == {"9\n"}
    assert not blocks()
    assert "leaked" not in done.stderr


def test_shared_memory_of_others_with_the_same_name_is_left_alone(script, tmp_path, synthetic):
    other = synthetic.SharedMemory(name=synthetic.Sharing.BLOCK, create=True, size=8)
    try:
        other.buf[0] = 1
        done = script("[Sharing(9)]", "[True]")
        assert done.returncode == 0, done.stderr
        assert set(results(tmp_path / "space", "Sharing").values()) == {"9\n"}
        assert other.buf[0] == 1
    finally:
        other.close()
        other.unlink()


def test_phases_of_another_package_and_their_pipeline_are_understood(script, tmp_path):
    call = (
        "start_pipeline(type('Theirs', (), dict(phases=pipeline.phases, active=pipeline.active,"
        " workspace=pipeline.workspace, traces=pipeline.traces)), 1, 2)"
    )
    done = script("[drawing(), Foreign(), drawing('Last', 'foreign')]", "[True] * 3", call)
    assert done.returncode == 0, done.stderr
    assert len(results(tmp_path / "space", "Last")) == 2


def test_processes_end_with_the_one_that_started_them(script, tmp_path):
    (tmp_path / "modules" / "sleeping.py").write_text(
        "import os, pathlib, time\nfrom synthetic_phases import drawing, Drawing\n"
        "class Sleeping(Drawing):\n"
        "    def run(self, *given):\n"
        "        pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "        time.sleep(600)\n"
    )
    text = SCRIPT.format(
        phases="[Sleeping(drawing().parameters)]",
        active="[True]",
        call="start_pipeline(pipeline, 1, 1)",
    )
    (tmp_path / "script.py").write_text("from sleeping import Sleeping\n" + text)
    with subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as started:
        deadline = time.monotonic() + 120
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child = int((tmp_path / "pid").read_text())
        started.send_signal(signal.SIGKILL)
        started.wait()
    while _is_there(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_there(process):
    try:
        found = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "Z" not in found.rsplit(")")[-1][:4]
