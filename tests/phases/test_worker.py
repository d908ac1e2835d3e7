"""The program of jobs: assets made once, shards that go on where they were, phases of a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RECIPE = {
    "phases": [
        {
            "phase": "synthetic_phases:Drawing",
            "settings": {"parameters": {"scale": {"factor": 1}}, "name": "A"},
        },
        {
            "phase": "synthetic_phases:Drawing",
            "settings": {"parameters": {"scale": {"factor": 1}}, "name": "B", "before": "a"},
        },
    ],
    "files": [],
}


@pytest.fixture
def job(tmp_path, synthetic, monkeypatch):
    """A working directory with the data of three runs."""
    monkeypatch.chdir(tmp_path)
    synthetic.traces(tmp_path / "data", {1: 3, 2: 2, 3: 1})
    return tmp_path


def begin(*words, **how):
    return subprocess.Popen(
        [sys.executable, "-m", "asimov.phases.worker", *words],
        stderr=subprocess.PIPE, text=True, **how,
    )  # fmt: skip


def run(*words, code=0):
    process = begin(*words)
    _, told = process.communicate(timeout=300)
    assert process.returncode == code, told
    return told.rstrip().splitlines()[-1] if told else ""


def assets(recipe=RECIPE, code=0, **faults):
    recipe = json.loads(json.dumps(recipe))
    if faults:
        recipe["phases"][1]["settings"]["parameters"] |= faults
    Path("phases.json").write_text(json.dumps(recipe))
    return run("assets", "phases.json", code=code)


def shard(*more, number=1, runs=(1, 2, 3)):
    name = f"shard-{number}"
    digests = {str(each): f"d{each}" for each in runs}
    plan = {"name": name, "seed": 4, "prefix": f"asimov-test-{os.getpid()}-{number}-"}
    Path(f"{name}.json").write_text(json.dumps({**plan, "runs": digests}))
    return ("shard", f"{name}.json", "phases.pickle", "--trace", "data/run_0001.h5", *more)


def test_assets_are_made_once_and_shards_get_the_phases_as_they_were_left(job, calls):
    assets()
    Path("workspace/B_assets/asset.txt").chmod(0o444)
    run(*shard(number=1, runs=(1, 3)))
    run(*shard(number=2, runs=(2,)))
    asked = calls()
    assert asked[:2] == ["A assets", "B assets"]
    assert asked[2:] == ["A run 1", "B run 1", "A run 3", "B run 3", "A run 2", "B run 2"]
    record = json.loads(Path("runs/run_0002.json").read_text())
    assert record["artifacts"] == {
        "a": "workspace/A/run_0002.txt", "b": "workspace/B/run_0002.txt",
    }  # fmt: skip


def test_assets_that_can_not_be_made_end_the_job_with_the_phase(job):
    assert assets(code=1, note="no assets") == (
        "error: B: create_assets returned False, so nothing was run "
        "(what the phase has logged may say why)"
    )
    assert not Path("phases.pickle").exists()


def test_a_killed_shard_goes_on_where_it_was(job):
    assets(faults={"2": "wait"})
    process = begin(*shard(), start_new_session=True)
    half = Path("workspace/B/run_0002.txt")
    end = time.monotonic() + 120
    while not half.exists() or half.read_text() != "half":
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    first = Path("workspace/B/run_0001.txt")
    before = first.stat().st_mtime_ns
    assert json.loads(Path("runs/run_0002.json").read_text())["phase"] == "B"
    while subprocess.run(["pgrep", "-s", str(process.pid)], check=False).returncode == 0:
        assert time.monotonic() < end  # its own process ends with it
        time.sleep(0.02)
    Path("go").touch()
    run(*shard())
    assert first.stat().st_mtime_ns == before
    assert Path("workspace/B/run_0002.txt.failed").read_text() == "half"
    assert half.read_text().startswith("tt ")
    assert Path("shards/shard-1.json").exists()


def test_runs_that_are_known_to_be_complete_are_left_out(job, calls):
    assets()
    run(*shard("--done=1, 3"))
    assert calls()[2:] == ["A run 2", "B run 2"]


def test_a_run_that_lost_its_artifact_or_its_content_is_run_again(job, calls):
    """A crash of the machine leaves files without content that were not on disk."""
    assets(faults={"3": "empty"})
    run(*shard())
    asked = len(calls())
    Path("workspace/B/run_0001.txt").unlink()
    Path("workspace/A/run_0002.txt").write_text("")
    run(*shard())
    assert calls()[asked:] == ["A run 1", "B run 1", "A run 2", "B run 2"]
    assert Path("workspace/B/run_0002.txt").read_text().startswith("tt ")
    asked = len(calls())
    run(*shard())  # that of run 3 was empty from the beginning
    assert calls()[asked:] == []


def test_a_record_without_what_was_empty_is_believed(job, calls):
    assets(faults={"3": "empty"})
    run(*shard())
    asked = len(calls())
    for file in Path("runs").iterdir():
        record = json.loads(file.read_text())
        del record["empty"]
        file.write_text(json.dumps(record))
    run(*shard())
    assert calls()[asked:] == []


def test_phases_that_never_ran_leave_no_run_incomplete(job, calls):
    recipe = json.loads(json.dumps(RECIPE))
    recipe["phases"][1]["active"] = False
    assets(recipe)
    run(*shard())
    run(*shard())
    assert calls()[1:] == ["A run 1", "A run 2", "A run 3"]


def test_data_that_disappear_before_the_job_fail_the_run(job):
    assets()
    Path("data/run_0002.h5").unlink()
    said = run(*shard(), code=1)
    assert said.startswith("error: run 2: no phase: there are no data: ")
    assert not Path("runs/run_0002.json").exists()
    assert Path("runs/run_0003.json").exists()


def test_the_first_failed_run_is_the_last_line_and_all_are_noted(job):
    assets(faults={"1": "raise", "3": "invalid"})
    assert run(*shard(), code=1) == "error: run 1: B: ValueError: in run 1 (2 runs failed)"
    told = json.loads(Path("shards/shard-1.failed.json").read_text())
    assert [(each["run"], each["phase"]) for each in told] == [(1, "B"), (3, "B")]
    assert not Path("shards/shard-1.json").exists()


def test_progress_is_a_fraction_of_all_runs_with_the_step(job, monkeypatch):
    monkeypatch.setenv("ASIMOV_PROGRESS", "shard-1.progress")
    assets()
    run(*shard())
    made, *lines = Path("shard-1.progress").read_text().splitlines()
    assert made == "1.0000 assets made"
    fractions = [float(line.split()[0]) for line in lines]
    assert fractions == sorted(fractions)
    assert lines[0] == "0.0000 run 1, A"
    assert [line for line in lines if "ended" in line] == [
        "0.3333 run 1 ended", "0.6667 run 2 ended", "1.0000 run 3 ended",
    ]  # fmt: skip


def test_shards_on_one_machine_have_shared_memory_of_their_own(job):
    for value in (7, 8):
        folder = job / str(value)
        folder.mkdir()
        (folder / "data").symlink_to(job / "data")
    processes = []
    for value in (7, 8):
        os.chdir(job / str(value))
        assets({"phases": [{"phase": "synthetic_phases:Sharing", "settings": {"value": value}}],
                "files": []})  # fmt: skip
        processes.append(begin(*shard(number=value)))
    for value, process in zip((7, 8), processes, strict=True):
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
        made = (job / str(value) / "workspace/Sharing").iterdir()
        assert {each.read_text() for each in made} == {f"{value}\n"}
    assert not list(Path("/dev/shm").glob(f"asimov-test-{os.getpid()}-*"))


def test_the_pipeline_of_a_script_is_found(job):
    Path("analyse.py").write_text(
        "from pathlib import Path\nfrom asimov.phases import Pipeline, start_pipeline\n"
        "from synthetic_phases import drawing, Drawing\n\n"
        "class Last(Drawing):\n    pass\n\n"
        "last = Last(drawing().parameters, 'Last', 'draw')\n"
        "whole = Pipeline([drawing(), last], [True, True], Path('space'), Path('data'))\n"
        "if __name__ == '__main__':\n    raise SystemExit('must not run')\n"
    )
    recipe = {"script": str(job / "analyse.py"), "object": None, "active": {}, "files": []}
    Path("phases.json").write_text(json.dumps(recipe))
    run("assets", "phases.json", "--script", "analyse.py")
    run(*shard("--script", "analyse.py"))
    assert len(list(Path("workspace/Last").iterdir())) == 3
