"""Products that were changed in a run directory after they were stored: the store is the truth."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.staleness import fingerprints
from tests.lab import Lab, lab
from tests.searching import first

__all__ = ["lab"]

A = (
    "a, pipeline: command, executable: /bin/sh, outputs: {psds: out/psd, all: out}, "
    'arguments: [-c, "mkdir out; echo 1 > out/psd; echo 2 > out/far; ln -s far out/link"]'
)
B = (
    "b, needs: [a], pipeline: command, executable: /bin/sh, outputs: {y: y}, "
    'arguments: [-c, "cat {{ assets.psds }} {{ assets.all }}/* > y"]'
)


def _same_size(out: Path) -> None:
    (out / "psd").write_text("9\n")


def _older(out: Path) -> None:
    """As `mv` of another run's file does: the same size, and written long before."""
    (out / "psd").write_text("9\n")
    os.utime(out / "psd", (10**9, 10**9))


def _replaced(out: Path) -> None:
    (out / "new").write_text("999\n")
    (out / "new").rename(out / "psd")


def _other_kind(out: Path) -> None:
    (out / "psd").unlink()
    (out / "psd").symlink_to("far")


def _link_led_elsewhere(out: Path) -> None:
    (out / "link").unlink()
    (out / "link").symlink_to("psd")


def _more(out: Path) -> None:
    """As a background process does that a job has left."""
    (out / "more").write_text("3\n")


def _less(out: Path) -> None:
    (out / "far").unlink()


def _touched(out: Path) -> None:
    os.utime(out / "psd")


CHANGES = [
    _same_size, _older, _replaced, _other_kind, _link_led_elsewhere, _more, _less, _touched,
    shutil.rmtree,
]  # fmt: skip


@pytest.fixture
def done(lab: Lab) -> Lab:
    lab.apply(A)
    lab.finish()
    return lab


def _used(lab: Lab, name: str) -> list[dict[str, Any]]:
    record = json.loads((lab.rundir(name) / "asimov-provenance.json").read_text())
    return [each for each in record["files"] if each.get("of")]


@pytest.mark.parametrize("change", first(3, CHANGES), ids=lambda each: each.__name__.strip("_"))
@pytest.mark.parametrize("when", ["before the build", "before the submission"])
def test_what_was_stored_is_the_input(done: Lab, change: Callable[[Path], None], when: str) -> None:
    done.apply(B)
    if when == "before the submission":
        done.run("manage", "build")
    change(done.rundir("a") / "out")
    done.finish()
    assert (done.root / "results/s/b/y").read_text() == "1\n2\n2\n1\n"
    attempt = done.attempts("a")[-1].uid
    assert {each["attempt"] for each in _used(done, "b")} == {attempt}
    psd = next(each for each in _used(done, "b") if each["path"].endswith("out/psd"))
    assert psd["sha256"] == hashlib.sha256(b"1\n").hexdigest()
    assert not done.rows()["b"]["outdated"]


@pytest.mark.parametrize("change", first(3, CHANGES), ids=lambda each: each.__name__.strip("_"))
def test_what_was_made_before_stays_current(done: Lab, change: Callable[[Path], None]) -> None:
    done.apply(B)
    done.finish()
    change(done.rundir("a") / "out")
    assert not done.rows()["b"]["outdated"]


def test_what_is_as_it_was_stored_stays_where_it_is(done: Lab) -> None:
    done.apply(B)
    done.finish()
    assert {each["path"].partition("/")[0] for each in _used(done, "b")} == {"working"}


def test_a_changed_original_of_a_damaged_product_is_no_input(done: Lab) -> None:
    stored = done.root / "results/s/a/out/psd"
    stored.chmod(0o644)
    stored.write_text("4\n")
    (done.rundir("a") / "out/psd").write_text("5\n")
    done.apply(B)
    said = done.run("manage", "build", code=1).out
    assert f"{stored}: out/psd, a product of s/a, has changed since it was stored" in said
    stored.unlink()
    said = done.run("manage", "build", code=1).out
    assert "s/a, is not in the results, and its run directory has another one" in said


def test_a_path_that_a_template_makes_by_itself_is_refused(done: Lab) -> None:
    psd = done.rundir("a") / "out/psd"
    done.apply(B.replace("{{ assets.psds }}", str(psd)))
    psd.write_text("999\n")
    said = done.run("manage", "build", code=1).out
    stored = done.root / "results/s/a/out/psd"
    assert f"{psd} has changed since it was stored as a product of s/a" in said
    assert f"copy {stored} there" in said
    shutil.copy(stored, psd)  # another file by its time, with the same content
    done.run("manage", "build")


def test_a_build_says_what_is_used_instead(done: Lab) -> None:
    (done.rundir("a") / "out/psd").write_text("999\n")
    done.apply(B)
    said = done.run("manage", "build").out
    assert (
        "s/a: working/s/a/out/psd has changed since it was stored: results/s/a/out/psd is used "
        "instead" in said
    )


def test_what_was_used_without_being_stored_is_of_no_attempt(
    done: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program may go to the run directory by itself: then its result is not current."""
    psd = done.rundir("a") / "out/psd"
    psd.write_text("999\n")
    monkeypatch.setattr(fingerprints, "FRESH", -1000)  # as if it was changed a while ago
    done.apply(
        "b, needs: [a], pipeline: command, executable: /bin/sh, outputs: {y: y}, "
        "arguments: [-c, 'cat $0 > y', ../a/out/psd]"
    )
    done.finish()
    assert (done.root / "results/s/b/y").read_text() == "999\n"
    (psd_used,) = (each for each in _used(done, "b") if each["path"] == "working/s/a/out/psd")
    assert psd_used["of"] == "s/a" and "attempt" not in psd_used
    assert done.rows()["b"]["outdated"]
    assert "psd of s/a has different content" in done.run("why", "s/b").out


def test_a_package_that_stores_by_itself_and_finds_by_pattern(lab: Lab, simple: Any) -> None:
    """As published packages do: with a flat name, and without a record of the original."""

    class Flat(simple):  # type: ignore[misc]
        name = "flat"

        def build_dag(self, dryrun: bool = False) -> Any:
            found = super().build_dag(dryrun)
            folder = Path(self.production.rundir, "final")
            folder.mkdir(exist_ok=True)
            (folder / "x.dat").write_text("1\n")
            return found

        def collect_assets(self, absolute: bool = False) -> dict[str, Any]:
            return {"found": sorted(Path(self.production.rundir, "final").glob("*.dat"))[0]}

        def store_results(self) -> None:
            store = self.production.workspace.store
            store.add_file("s", self.production.name, self.collect_assets()["found"])

    lab.register("flat", Flat)
    lab.apply("a, pipeline: flat")
    lab.finish()

    def found() -> str:
        shown = json.loads(lab.run("production", "show", "s", "a", "--json").out)
        return str(shown["products"]["found"])

    original, stored = lab.rundir("a") / "final/x.dat", lab.root / "results/s/a/x.dat"
    assert found() == str(original)
    (original.parent / "a.dat").write_text("another\n")
    assert found() == str(original)
    original.write_text("2\n")
    assert found() == str(stored)
    original.unlink()
    assert found() == str(stored)
