"""Products of analyses whose run directories are gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, lab

__all__ = ["lab"]

A = (
    "a, pipeline: command, executable: /bin/sh, outputs: {psds: out/psd, all: out}, "
    'arguments: [-c, "mkdir out; echo 1 > out/psd; echo 2 > out/far"]'
)
B = (
    "b, needs: [a], pipeline: command, executable: /bin/sh, outputs: {y: y}, "
    'arguments: [-c, "cat {{ assets.psds }} {{ assets.all }}/far > y"]'
)


def _show(lab: Lab, name: str) -> Any:
    return json.loads(lab.run("production", "show", "s", name, "--json").out)


@pytest.fixture
def done(lab: Lab) -> Lab:
    lab.apply(A)
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    return lab


def _gone(lab: Lab) -> None:
    shutil.rmtree(lab.rundir("a"))


@pytest.mark.parametrize("files", ["auto", "transfer"])
def test_later_analyses_use_the_stored_products(done: Lab, files: str) -> None:
    shown = _show(done, "a")["products"]
    assert shown["psds"] == str(done.rundir("a") / "out/psd")
    _gone(done)
    stored = done.root / "results/s/a"
    assert _show(done, "a")["products"] == {
        "psds": str(stored / "out/psd"), "all": str(stored / "out"),
    }  # fmt: skip
    done.apply(f"{B}, files: {files}")
    done.finish()
    assert done.states() == {"a": "uploaded", "b": "uploaded"}
    assert (done.root / "results/s/b/y").read_text() == "1\n2\n"
    used = json.loads((done.rundir("b") / "asimov-provenance.json").read_text())["files"]
    (psd,) = [each for each in used if each["path"] == "results/s/a/out/psd"]
    assert (psd["of"], psd["attempt"]) == ("s/a", done.attempts("a")[-1].uid)
    done.run("report", "html")


def test_one_product_that_was_removed_comes_from_the_store(done: Lab) -> None:
    (done.rundir("a") / "out/psd").unlink()
    assert _show(done, "a")["products"]["psds"] == str(done.root / "results/s/a/out/psd")


def test_a_configuration_that_names_a_removed_run_directory_is_built_again(done: Lab) -> None:
    done.apply(B)
    done.run("manage", "build")
    _gone(done)
    done.finish()
    assert (done.root / "results/s/b/y").read_text() == "1\n2\n"


def test_a_missing_product_is_told_with_the_analysis_that_owns_it(done: Lab) -> None:
    _gone(done)
    shutil.rmtree(done.root / "results/s/a")
    done.apply(B)
    told = done.run("manage", "build", code=1).out
    assert (
        "psds of s/a are not there: neither in its run directory nor in the results; "
        "s/a is uploaded (" in told
    )
    assert "has no attribute" not in told
    assert "rerun it with 'asimov rerun s/a'" in told
    assert "psds of s/a" in done.run("why", "s", "b").out
    assert "not there" in _show(done, "a")["products"]["psds"]


def test_a_stored_product_that_is_damaged_is_no_input(done: Lab) -> None:
    stored = done.root / "results/s/a/out"
    (stored / "psd").chmod(0o644)
    done.apply(B)
    (stored / "psd").write_text("3\n")
    done.run("manage", "build")  # from the run directory, which is whole
    _gone(done)
    damaged = (
        f"{stored}/psd: out/psd, a product of s/a, has changed since it was stored: its checksum"
    )
    for command, done_to in (("build", "built"), ("submit", "submitted")):
        assert damaged in done.run("manage", command, code=1).out
        told = done.run("why", "s/b").out
        assert f"can't be {done_to}" in told and damaged in told
        assert "'asimov rerun s/a'" in told
    assert done.states()["b"] == "ready" and done.attempts("b") == []
    (stored / "psd").write_text("1\n")
    (stored / "extra").write_text("")  # in a folder that is a product itself
    assert "extra, a product of s/a" in done.run("manage", "build", code=1).out
    (stored / "extra").unlink()
    manifest = stored.parent / "manifest.json"
    text = manifest.read_text()
    manifest.write_text("{")
    assert "the results manifest of s/a" in done.run("manage", "build", code=1).out
    manifest.write_text(text)
    (stored / "psd").rename(stored / "gone")
    gone = "out/psd, a product of s/a, is neither in its run directory nor in the results"
    assert gone in done.run("manage", "build", code=1).out
    (stored / "gone").rename(stored / "psd")
    done.finish()
    assert done.states()["b"] == "uploaded"


def test_a_pipeline_that_only_looks_for_files_has_stored_products(
    lab: Lab, simple: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As published packages do: with a pattern, and without declaring anything."""

    class Looks(simple):  # type: ignore[misc]
        name = "looks"

        def collect_assets(self, absolute: bool = False) -> dict[str, Any]:
            return {"found": sorted(Path(self.production.rundir).glob("*.txt"))[0]}

    lab.register("looks", Looks)
    lab.apply("a, pipeline: looks")
    lab.finish()
    before = _show(lab, "a")["products"]
    shutil.rmtree(lab.rundir("a"))
    (after,) = _show(lab, "a")["products"].values()
    assert after.startswith(str(lab.root / "results/s/a/"))
    assert Path(after).name == Path(before["found"]).name
    shutil.rmtree(lab.root / "results/s/a")
    told = lab.asimov("production", "show", "s", "a").out
    assert "the products: 'not there" in told
    lab.apply(B)
    assert "the products of s/a are not there" in lab.run("manage", "build", code=1).out
