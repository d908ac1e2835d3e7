"""``asimov clean``: scratch space is freed only where the results have all of it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.cleaning import plan as planning
from asimov.engine.cleaning import removal
from asimov.engine.lease import at_work
from asimov.project.layout import CLEANED_FILE
from tests.lab import Lab, lab

__all__ = ["lab"]

A = (
    "a, pipeline: command, executable: /bin/sh, outputs: {y: out/y, link: link}, "
    'arguments: [-c, "mkdir out; echo 1 > out/y; ln -s out/y link; echo big > scratch"]'
)
B = (
    "b, needs: [a], pipeline: command, executable: /bin/sh, outputs: {z: z}, "
    'arguments: [-c, "cat {{ assets.y }} > z"]'
)


@pytest.fixture
def done(lab: Lab) -> Lab:
    lab.apply(A)
    lab.finish()
    return lab


def _plan(lab: Lab, *arguments: str) -> Any:
    return json.loads(lab.run("clean", "--dry-run", "--json", *arguments).out)


def _files(lab: Lab) -> set[str]:
    rundir = lab.rundir("a")
    return {str(path.relative_to(rundir)) for path in rundir.rglob("*")}


def test_what_the_results_have_is_freed_and_the_rest_stays(done: Lab) -> None:
    before = _files(done)
    (found,) = _plan(done)["run_directories"]
    assert found["files"] == 2 and found["kept_files"] > 2
    assert _files(done) == before
    assert "add --yes" in done.run("clean", code=1).err
    told = done.run("clean", "--yes").out
    assert "s/a: 2 files, " in told and "files, " in told and "freed " in told
    assert before - _files(done) == {"out", "out/y", "link"}
    assert _files(done) - before == {CLEANED_FILE}
    assert "scratch" in _files(done)
    assert "freed" in done.run("log", "s", "a").out
    assert "nothing to free" in done.run("clean", "--yes").out
    products = json.loads(done.run("production", "show", "s", "a", "--json").out)["products"]
    assert products["y"] == str(done.root / "results/s/a/out/y")
    # Later analyses use the store, and a restart of the cleaned one works.
    done.apply(B)
    done.finish()
    assert (done.rundir("b") / "z").read_text() == "1\n"
    done.run("production", "set", "s", "a", "--status", "restart")
    done.finish()
    assert done.states() == {"a": "uploaded", "b": "uploaded"}
    products = json.loads(done.run("production", "show", "s", "a", "--json").out)["products"]
    assert products["y"] == str(done.rundir("a") / "out/y")
    freed = json.loads(done.run("clean", "--yes", "--json").out)
    assert freed["freed"] > 0
    assert "an earlier run of s/a, moved aside" in str(freed["unowned"])


def _why(lab: Lab) -> str:
    (left,) = _plan(lab)["left_alone"]
    return str(left["why"])


def test_what_is_not_safe_is_left_alone_with_the_reason(done: Lab) -> None:
    done.apply(B)
    assert _why(done) == "s/b uses it and is ready"
    done.run("production", "set", "s", "b", "--status", "cancelled")
    stored = done.root / "results/s/a/out/y"
    stored.chmod(0o644)
    stored.write_text("2\n")
    assert "its stored results are damaged or incomplete: see 'asimov store verify s/a'" in _why(
        done
    )
    stored.write_text("1\n")
    (done.rundir("a") / "out/y").write_text("3\n")
    (found,) = _plan(done)["run_directories"]
    assert found["files"] == 1, "a file with another content is not covered"
    (done.root / "results/s/a").rename(done.root / "elsewhere")
    assert _why(done) == "none of it is stored"


def test_what_is_used_since_it_was_planned_is_left_alone(done: Lab) -> None:
    workspace, said = done.open(), []
    made = planning.plan(workspace, list(workspace.contents.entries))
    before = _files(done)
    done.apply(B)  # while a person thinks about the plan
    with at_work(workspace, "asimov clean"):
        assert removal.remove(workspace, made, said.append) == 0
    workspace.journal.close()
    assert _files(done) == before
    assert said == ["s/a: left alone: s/b uses it and is ready"]


def test_files_that_no_analysis_owns_are_listed_and_kept(done: Lab) -> None:
    for path in ("working/s/old/x", "working/t/old/x", "checkouts/s/analyses/old.ini",
                 "results/s/old/x"):  # fmt: skip
        done.root.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        done.root.joinpath(path).write_text("12345")
    told = done.run("clean", "--yes").out
    assert "working/s/old: 5 B: belongs to no analysis" in told
    assert "working/t: 5 B: belongs to no analysis" in told
    assert "checkouts/s/analyses/old.ini: 5 B: configures s/old, which no longer exists" in told
    assert "results/s/old: 5 B: results of an analysis that is not in the ledger" in told
    assert (done.root / "working/t/old/x").exists() and (done.root / "results/s/old/x").exists()
    assert not _plan(done, "s/a")["unowned"], "with a selection, only that is looked at"


def test_contents_that_no_result_has_are_freed_unless_a_stored_file_is_missing(done: Lab) -> None:
    stored = done.root / "results/s/a/out/y"
    stored.unlink()
    assert not _plan(done)["objects"], "the object is the last copy of what is missing"
    (done.root / "results/s/a").rename(done.root / "elsewhere")
    (_, size), *_ = _plan(done)["objects"]
    assert size > 0
    done.run("clean", "--yes")
    assert not [path for path in (done.root / "results/.objects").rglob("*") if path.is_file()
                and path.stat().st_nlink == 1]  # fmt: skip


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_kill_while_it_cleans_loses_nothing(done: Lab, step: int) -> None:
    pid = os.fork()
    if pid == 0:
        unlink, left = os.unlink, [step]

        def killed(path: Any) -> None:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            unlink(path)

        removal.os.unlink = killed  # type: ignore[attr-defined]
        workspace = done.open()
        removal.remove(workspace, planning.plan(workspace, workspace.contents.entries), print)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == (signal.SIGKILL if step < 2 else 0)
    products = json.loads(done.run("production", "show", "s", "a", "--json").out)["products"]
    assert Path(products["y"]).read_text() == "1\n"
    done.run("clean", "--yes")
    assert not (done.rundir("a") / "out").exists()


def test_what_stays_of_a_folder_puts_nothing_out_of_date(lab: Lab) -> None:
    folder = "a, pipeline: command, executable: /bin/sh, outputs: {y: y}, "
    lab.apply(
        f'{folder}arguments: [-c, "mkdir -p y/empty; echo 1 > y/one"]',
        "b, needs: [a], pipeline: command, executable: /bin/cp, outputs: {z: z}, "
        'arguments: [-r, "{{ assets.y }}", z]',
    )
    lab.finish()
    (lab.rundir("a") / "y" / "empty" / "note").write_text("of a person")
    lab.run("clean", "--yes")
    assert (lab.rundir("a") / "y" / "empty" / "note").exists()
    assert "out of date" not in lab.run("status").out
