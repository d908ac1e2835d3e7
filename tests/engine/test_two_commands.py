"""Commands that run at once, and people who change things while jobs run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import preloaded
from tests.lab import Waiting
from tests.searching import first


def start(lab: Any, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "asimov", *command],
        cwd=lab.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_many_commands_at_once_make_one_job_each(lab: Any) -> None:
    names = [f"a{number}" for number in range(6)]
    lab.apply(*names, "last, needs: [a0, a5]")
    many = [
        start(lab, "monitor", "--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")
        for _ in range(2)
    ]
    many += [start(lab, "manage", "build", "submit") for _ in range(3)]
    for number in range(4):
        more = f"{{kind: analysis, event: s, name: m{number}, pipeline: simpletestpipeline}}"
        (lab.root / f"m{number}.yaml").write_text(more)
        many.append(start(lab, "apply", "-f", f"m{number}.yaml"))
    for each in many:
        told = each.communicate(timeout=300)[0]
        assert each.returncode in (0, 1, 3, 6), told
        assert "Traceback" not in told
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    assert len(lab.states()) == 11
    assert len(lab.jobs()) == 11


def test_building_and_submitting_beside_a_monitor_never_fails_while_nothing_is_wrong(
    lab: Any,
) -> None:
    """Chains become ready in the monitor's passes, at any moment of the other command."""
    chains = [f"c{chain}n{link}" for chain in range(4) for link in range(3)]
    lab.apply(
        *(f"{name}, needs: [{name[:-1]}{int(name[-1]) - 1}]" if name[-1] != "0" else name
          for name in chains)
    )  # fmt: skip
    preloaded.programs()  # commands then begin at once
    watch = start(lab, "monitor", "--chain", "--until-idle", "--interval", "0.1")
    while "running" not in lab.states().values():  # before its first pass it would leave
        assert watch.poll() is None
    tried = 0
    while watch.poll() is None:
        both = preloaded.run(preloaded.ASIMOV, "manage", "build", "submit", cwd=lab.root)
        assert both.returncode in (0, 6), both  # 6: the monitor is at work just now
        assert "failed" not in both.stdout + both.stderr
        tried += both.returncode == 0
    told = watch.communicate(timeout=300)[0]
    assert watch.returncode == 0, told
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    assert len(lab.jobs()) == len(chains)
    assert tried, "no command got a turn beside the monitor"


@pytest.mark.parametrize("asked", first(1, ["restart", "stop", "cancelled"]))
def test_a_person_may_ask_at_any_moment_of_a_watch(lab: Any, asked: str) -> None:
    lab.apply("a, seconds: 1000", "b, seconds: 0.2")
    watch = start(lab, "monitor", "--chain", "--watch", "--interval", "0.1")
    try:
        end = time.monotonic() + 120
        while lab.states()["a"] != "running":
            assert time.monotonic() < end
        lab.run("production", "set", "s", "a", "--status", asked)
        while len(lab.attempts("a")) < 2 if asked == "restart" else (
            [each.state for each in lab.attempts("a")] != ["ended"]
        ):  # fmt: skip
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        watch.terminate()
        told = watch.communicate(timeout=300)[0]
    assert "Traceback" not in told
    states = {
        "stop": {"stopped", "stop"},
        "restart": {"ready", "running"},
        "cancelled": {"cancelled"},
    }
    assert lab.states()["a"] in states[asked]
    assert len(lab.attempts("a")) == (2 if asked == "restart" else 1)


def test_a_subject_that_is_removed_and_comes_back_while_its_job_runs(lab: Any) -> None:
    lab.register("waiting", Waiting)
    lab.apply("a, pipeline: waiting")
    lab.run("monitor", "--chain")
    file = lab.root / "ledger" / "subjects" / "s.yaml"
    kept = file.read_text()
    file.unlink()
    ran = lab.run("monitor", "--chain")
    assert "s/a: job" in ran.out
    assert "is not in the ledger" in ran.out
    file.write_text(kept)
    lab.let_go("a")
    lab.finish()
    assert (lab.states(), len(lab.jobs())) == ({"a": "uploaded"}, 1)


def test_a_project_that_is_moved_goes_on_where_it_was(lab: Any, tmp_path: Path) -> None:
    lab.apply("a", "b, needs: [a]")
    lab.run("monitor", "--chain")
    lab.until("a")
    moved = lab.root.with_name(f"{lab.root.name}-moved")
    lab.root.rename(moved)
    done = subprocess.run(
        [sys.executable, "-m", "asimov", "--project", str(moved), "monitor", "--chain",
         "--until-idle", "--interval", "0.1", "--timeout", "300"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (moved / "results" / "s" / "b" / "result.txt").is_file()
    assert not lab.root.exists()


def test_an_analysis_that_is_renamed_runs_anew_and_its_old_job_is_told(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    file = lab.root / "ledger" / "subjects" / "s.yaml"
    file.write_text(file.read_text().replace("name: a\n", "name: b\n").replace("1000", "0"))
    ran = lab.run("monitor", "--chain")
    assert "s/a: job" in ran.out
    assert lab.states() == {"a": "running", "b": "running"}  # the one that is missing is listed
    assert len(lab.jobs()) == 2
