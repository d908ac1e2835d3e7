"""The pipeline ``phases``: from the ledger to results, on the local scheduler."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from numpy.random import SeedSequence, default_rng

HERE = Path(__file__)
LEDGER = """
traces: data
runs: 1-3, 5, 7
shards: 2
seed: 4
phases:
- phase: synthetic_phases:Drawing
  parameters: {scale: {factor: 2}}
  name: A
- phase: synthetic_phases:Drawing
  parameters: {scale: {factor: 1, offset: 1}}
  name: B
  before: a
"""


@pytest.fixture
def phased(lab):
    """A project with data and a module of phases beside its ledger."""
    shutil.copy(HERE.parents[1] / "phases" / "synthetic.py", lab.root / "synthetic_phases.py")
    for run, size in {1: 10, 2: 50, 3: 20, 5: 40, 7: 30}.items():
        file = lab.root / "data" / f"run_{run:04d}.h5"
        file.parent.mkdir(exist_ok=True)
        file.write_text("t" * size)
    return lab


def apply(phased, ledger=LEDGER, code=0, update=False):
    text = "kind: subject\nname: s\n---\nkind: analysis\nname: a\nsubject: s\npipeline: phases\n"
    path = phased.root / "blueprint.yaml"
    path.write_text(text + ledger)
    return phased.run("apply", "-f", path, *(["--update"] if update else []), code=code)


def rundir(phased):
    return phased.root / "working" / "s" / "a"


def results(phased, phase="B"):
    folder = rundir(phased) / "workspace" / phase
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_runs_are_dealt_to_shards_and_each_has_random_numbers_of_its_own(phased):
    apply(phased)
    phased.finish()
    made = results(phased)
    assert list(made) == [f"run_000{run}.txt" for run in (1, 2, 3, 5, 7)]
    a, b = default_rng(SeedSequence(4, spawn_key=(7,))).normal(size=2)
    assert made["run_0007.txt"] == f"{'t' * 30} {2 * float(a)!r} {float(b) + 1!r}\n"
    plan = json.loads((rundir(phased) / "plan.json").read_text())
    assert [list(shard) for shard in plan["shards"]] == [["2", "3", "1"], ["5", "7"]]
    assert "finished" in phased.run("status").out or "uploaded" in phased.run("status").out


FAULT = LEDGER.replace("offset: 1}}", "offset: 1}, faults: {'3': once, '5': raise}}")


def test_a_run_that_fails_leaves_all_others_finished_and_is_named(phased):
    apply(phased, FAULT.replace("'5': raise", "'5': kill"))
    phased.finish(code=3)
    assert [name for name in results(phased) if name.endswith(".txt")] == [
        "run_0001.txt", "run_0002.txt", "run_0007.txt",
    ]  # fmt: skip
    assert {name for name in results(phased) if name.endswith(".failed")} == {
        "run_0003.txt.failed", "run_0005.txt.failed",
    }  # fmt: skip
    assert len(results(phased, "A")) == 5
    assert len(phased.attempts("a")) == 1  # it would fail again
    reason = phased.reason("a")
    assert "run 3, run 5 missing" in reason
    said = (
        "error: run 3: B: RuntimeError: not yet (shard-1.err)",
        "error: run 5: B: its process ended: SIGKILL (shard-2.err)",
    )
    assert any(each in reason for each in said), reason
    why = phased.run("why", "s", "a").out
    assert "run 3: B: RuntimeError: not yet" in why
    assert "Traceback" in why


@pytest.mark.long
def test_a_run_without_its_artifact_is_not_done(phased):
    apply(phased, FAULT.replace("'3': once, '5': raise", "'5': unwritten"))
    phased.finish(code=3)
    reason = phased.reason("a")
    assert "run 5 missing" in reason
    assert "error: run 5: B: said that it was successful, but there is no workspace/B/run" in reason
    assert not (phased.root / "results" / "s" / "a").exists()


@pytest.mark.long
def test_an_artifact_that_is_lost_before_the_end_is_missed_and_made_again(phased):
    """Nothing that the job said afterwards counts more than the file."""
    apply(phased)
    phased.run("manage", "build", "submit")
    end = time.monotonic() + 120
    while len(list((rundir(phased) / "shards").glob("*.json"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    whole = results(phased)
    for run in (1, 2, 3):  # all of the first shard
        (rundir(phased) / f"workspace/B/run_000{run}.txt").unlink()
    (rundir(phased) / "workspace/A/run_0005.txt").write_text("")
    phased.finish(code=3)
    assert phased.states() == {"a": "stuck"}
    assert "runs 1-3, run 5 missing" in phased.reason("a")
    kept = rundir(phased) / "workspace/B/run_0007.txt"
    before = kept.stat().st_mtime_ns
    restart(phased)
    assert results(phased) == whole
    assert kept.stat().st_mtime_ns == before


def restart(phased, code=0):
    phased.run("production", "set", "s", "a", "--status", "restart")
    phased.finish(code)


def test_trying_again_does_only_what_is_missing(phased):
    calls = phased.root / "calls"
    module = phased.root / "synthetic_phases.py"
    module.write_text(module.read_text().replace('os.environ.get("CALLS")', repr(str(calls))))
    apply(phased, FAULT)
    phased.finish(code=3)
    whole = {name: text for name, text in results(phased).items() if name.endswith(".txt")}
    assert list(whole) == ["run_0001.txt", "run_0002.txt", "run_0007.txt"]
    calls.unlink()
    module.write_text(module.read_text().replace("faults.get(str(run))", "note"))  # mended
    restart(phased)
    asked = [line for line in calls.read_text().splitlines() if " run " in line]
    assert sorted(asked) == ["A run 3", "A run 5", "B run 3", "B run 5"]
    assert {name: results(phased)[name] for name in whole} == whole
    b = default_rng(SeedSequence(4, spawn_key=(5,))).normal(size=2)[1]
    assert results(phased)["run_0005.txt"].split()[-1] == f"{float(b) + 1!r}"


def test_switching_phases_off_runs_only_the_others_again(phased):
    apply(phased)
    phased.finish()
    first = results(phased, "A")
    times = {path: path.stat().st_mtime_ns for path in (rundir(phased) / "workspace/A").iterdir()}
    ledger = LEDGER.replace("name: A", "name: A\n  active: false").replace("offset: 1", "offset: 2")
    apply(phased, ledger, update=True)
    restart(phased)
    assert results(phased, "A") == first
    assert {path: path.stat().st_mtime_ns for path in times} == times
    b = default_rng(SeedSequence(4, spawn_key=(7,))).normal()
    assert results(phased)["run_0007.txt"].split()[-1] == f"{float(b) + 2!r}"


SCALE = "phases: [0]: parameters: scale: factor"
FAULTS = {
    ("factor: 2", "factor: two"): f"{SCALE}: should be a number, not 'two'",
    ("factor: 2", "offset: 2"): f"{SCALE}: is missing: it should be a number",
    ("factor: 2", "factr: 2"): "factr: there is no such parameter; did you mean 'factor'?",
    ("name: B", "name: A"): "two phases have the name 'A'",
    ("before: a", "before: c"): "APhase->BPhase do not link: one makes a .txt"
    ' {"number": "float"}; the other expects c .txt {"number": "float"}',
    (":Drawing", ":Drawin"): "synthetic_phases has no Drawin; did you mean 'Drawing'?",
    ("1-3, 5, 7", "1-8"): "runs: there are no data for 4, 6, 8 in",
    ("traces: data", "traces: dat"): "traces: there is no folder 'dat'",
}


@pytest.mark.parametrize(("change", "said"), FAULTS.items())
def test_apply_says_what_is_wrong_and_the_build_refuses_it(phased, change, said):
    ran = apply(phased, LEDGER.replace(*change))
    assert said in ran.out + ran.err, ran
    refused = phased.asimov("manage", "build")
    assert refused.code != 0
    assert "s/a: " in refused.out


def test_the_pipeline_of_a_script_runs_in_a_project_and_phases_are_switched_off_by_name(phased):
    (phased.root / "analyse.py").write_text(
        "from pathlib import Path\nfrom asimov.phases import Pipeline, start_pipeline\n"
        "from synthetic_phases import drawing\n"
        "whole = Pipeline([drawing('A'), drawing('B', 'a')], [True, True],"
        " Path('space'), Path('data'))\n"
        "if __name__ == '__main__':\n    start_pipeline(whole, 1, 7, seed=4)\n"
    )
    ledger = "script: analyse.py\nruns: 1, 7\nseed: 4\nshards: 2\n"
    apply(phased, ledger)
    phased.finish()
    a, b = default_rng(SeedSequence(4, spawn_key=(7,))).normal(size=2)
    assert results(phased)["run_0007.txt"] == f"{'t' * 30} {float(a)!r} {float(b)!r}\n"
    apply(phased, ledger + "phases: {A: {active: false}}\n", update=True)
    restart(phased)
    assert results(phased)["run_0007.txt"] == f"{'t' * 30} {float(a)!r} {float(a)!r}\n"


def test_without_a_seed_one_is_drawn_and_recorded(phased):
    apply(phased, LEDGER.replace("seed: 4\n", "").replace("1-3, 5, 7", "2"))
    phased.finish()
    seed = json.loads((rundir(phased) / "plan.json").read_text())["seed"]
    a, _ = default_rng(SeedSequence(seed, spawn_key=(2,))).normal(size=2)
    assert results(phased, "A")["run_0002.txt"] == f"{'t' * 50} {2 * float(a)!r}\n"
    restart(phased)
    assert json.loads((rundir(phased) / "plan.json").read_text())["seed"] == seed


def test_assets_that_can_not_be_made_start_no_run_and_the_phase_is_named(phased):
    apply(phased, LEDGER.replace("offset: 1}", "offset: 1}, note: no assets"))
    phased.finish(code=3)
    assert not results(phased)
    assert not list(rundir(phased).glob("shard-*.out")), "a shard has started"
    assert "error: B: create_assets returned False" in phased.run("why", "s", "a").out


def test_status_and_why_say_how_far_the_phases_are(phased):
    apply(phased, LEDGER.replace("offset: 1}", "offset: 1}, faults: {'1': wait, '7': wait}"))
    phased.run("manage", "build", "submit")
    end = time.monotonic() + 120
    # Whichever of the two shards was written to last is the one that is named.
    while not (far := phased.rows()["a"]["progress"] or "").startswith("72% "):
        assert time.monotonic() < end, far
        phased.run("monitor")
    assert "its progress: 72% " in phased.run("why", "s", "a").out
    (rundir(phased) / "go").touch()
    phased.finish()


def test_later_analyses_get_the_artifacts_as_lists(phased):
    apply(phased, LEDGER)
    text = (
        "kind: analysis\nname: after\nsubject: s\npipeline: command\nneeds: [a]\n"
        "executable: /bin/sh\n"
        "arguments: ['-c', \"echo '{{ assets.b | length }} {{ assets.a[0] }}' > x\"]\n"
        "outputs: {x: x}\n"
    )
    (phased.root / "after.yaml").write_text(text)
    phased.run("apply", "-f", phased.root / "after.yaml")
    phased.finish()
    told = (phased.rundir("after") / "x").read_text()
    assert told == f"5 {rundir(phased)}/workspace/A/run_0001.txt\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 4", "seed: -1", "seed: should be a whole number of at least 0, not -1"),
        ("shards: 2", "shards: 0", "shards: should be a whole number, at least 1, not 0"),
        ("1-3, 5, 7", "1-x", "runs: '1-x' is neither a run nor a range of runs"),
        ("runs: 1-3", "run: 1-3", "run: there is no such setting; did you mean 'runs'?"),
        ("seed: 4", "files: sharde", "files: should be one of auto, shared, transfer"),
        ("phases:\n", "phases: {}\nown:\n", "phases: should be a list of phases"),
    ],
)
def test_what_only_another_blueprint_can_mend_is_refused(phased, old, new, message):
    assert message in apply(phased, LEDGER.replace(old, new, 1), code=1).err
