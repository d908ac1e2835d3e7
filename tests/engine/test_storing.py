"""What the monitor stores of an analysis, and what becomes of its files when it is run again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.engine import run_directories
from asimov.project.layout import PROVENANCE_FILE
from tests.lab import Lab
from tests.searching import first


def command(lab: Lab, script: str, outputs: str) -> None:
    """Apply an analysis of the pipeline ``command`` that runs a script of the shell."""
    text = json.dumps(["-c", script])
    lab.apply(f"a, pipeline: command, executable: sh, arguments: {text}, outputs: {outputs}")


def manifest(lab: Lab, name: str = "a") -> dict[str, Any]:
    path = lab.root / "results" / "s" / name / "manifest.json"
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())
    del found[PROVENANCE_FILE]  # it is always there
    return found


def restart(lab: Lab) -> None:
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor")


FULL = "mkdir -p d/e d/empty && echo 1 > d/e/x && ln -s e/x d/link && chmod 700 d/e"


def test_an_output_that_is_a_folder_is_stored_and_a_restart_keeps_it(lab: Lab) -> None:
    command(lab, FULL, "{a: d}")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    folder = lab.root / "results/s/a"
    assert (folder / "d/e/x").read_text() == "1\n"
    assert str((folder / "d/link").readlink()) == "e/x"
    assert set(manifest(lab)) == {"d", "d/e", "d/e/x", "d/empty", "d/link"}
    restart(lab)
    assert (folder / "superseded-1/d/e/x").read_text() == "1\n"
    assert (lab.rundir("a.superseded-1") / "d/e/x").read_text() == "1\n"
    assert not lab.rundir("a").exists()
    assert "what was in it is in working/s/a.superseded-1" in lab.run("log", "s", "a").out
    lab.finish()
    assert set(manifest(lab)) == {"d", "d/e", "d/e/x", "d/empty", "d/link"}


@pytest.mark.parametrize(
    ("script", "stored"),
    [
        ("mkdir d", {"d"}),
        ("mkdir real && echo 1 > real/x && ln -s real d", {"d", "d/x"}),
        ("mkdir real && ln -s $PWD/real d", {"d"}),
    ],
)
def test_empty_and_linked_folders_are_stored(lab: Lab, script: str, stored: set[str]) -> None:
    command(lab, script, "{a: d}")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert set(manifest(lab)) == stored
    assert (lab.root / "results/s/a/d").is_dir()
    assert not (lab.root / "results/s/a/d").is_symlink()


@pytest.mark.parametrize(
    ("script", "outputs", "words"),
    [
        ("mkfifo d", "{a: d}", "a/d: is a named pipe, which can't be stored"),
        ("mkfifo d; echo 1 > x", "{a: x, b: d}", "a/d: is a named pipe, which can't be stored"),
        ("mkdir d; echo 1 > d/x; mkfifo d/p", "{a: d}", "a/d/p: is a named pipe"),
        ("ln -s /dev/zero d", "{a: d}", "a/d: is a link to /dev/zero, which leaves the run"),
        ("ln -s /etc/passwd d", "{a: d}", "a/d: is a link to /etc/passwd, which leaves the run"),
        ("mkdir d; ln -s nowhere d/l", "{a: d}", "is a link to nowhere, which does not exist"),
        ("mkdir d; ln -s l d/l", "{a: d}", "a/d/l: is a link to l, which can't be followed"),
    ],
)
def test_what_can_not_be_stored_makes_it_stuck_and_is_named(
    lab: Lab, script: str, outputs: str, words: str
) -> None:
    command(lab, script, outputs)
    said = lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert lab.reason("a").startswith("storing its results failed: /")
    assert words in lab.reason("a")
    assert words in said.out
    assert words in lab.run("why", "s", "a").out
    assert not (lab.root / "results/s/a").exists()
    assert os.path.lexists(lab.rundir("a") / "d")
    bad = lab.rundir("a") / "d"
    bad.rename(bad.with_name("bad"))
    bad.write_text("mended")
    lab.run("production", "set", "s", "a", "--status", "finished")
    lab.run("monitor")
    assert lab.states() == {"a": "uploaded"}


def test_the_whole_run_directory_may_be_the_output(lab: Lab) -> None:
    class Whole(SimpleTestPipeline):
        def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
            return {"all": self.production.rundir, **super().collect_assets()}

    lab.register("whole", Whole)
    lab.apply("a, pipeline: whole")
    lab.finish()
    assert {"result.txt", "node.sh", "node.log"} <= manifest(lab).keys()
    assert (lab.root / "results/s/a/result.txt").read_text() == "s/a\n"


def test_what_an_earlier_attempt_left_is_moved_aside_when_it_is_built_again(lab: Lab) -> None:
    command(lab, "mkdir -p d/e; date +%N > d/e/x; echo 1 > y; exit 1", "{a: d, b: y, c: z}")
    lab.finish(code=3)
    first = (lab.rundir("a") / "d/e/x").read_text()
    lab.run("production", "set", "s", "a", "--status", "ready")
    lab.finish(code=3)
    assert (lab.rundir("a.superseded-1") / "d/e/x").read_text() == first
    assert (lab.rundir("a.superseded-1") / "y").read_text() == "1\n"
    assert (lab.rundir("a") / "d/e/x").read_text() != first
    assert (lab.rundir("a") / "job.log").exists()  # a checkpoint would be, too
    assert not lab.rundir("a.superseded-2").exists()


def test_one_that_can_not_be_stored_keeps_no_other_from_it(lab: Lab) -> None:
    class Piped(SimpleTestPipeline):
        def after_processing(self) -> None:
            if self.production.name == "b":
                os.mkfifo(Path(self.production.rundir, "p"))
            super().after_processing()
            if self.production.name == "d":  # its results are in the store by then
                raise ValueError("too late")

        def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
            pipe = Path(self.production.rundir, "p")
            return {**super().collect_assets(), **({"p": str(pipe)} if pipe.exists() else {})}

    lab.register("piped", Piped)
    lab.apply(*(f"{name}, pipeline: piped" for name in "abcde"))
    said = lab.finish(code=3)
    assert lab.states() == dict.fromkeys("ace", "uploaded") | dict.fromkeys("bd", "stuck")
    for name in "ace":
        assert set(manifest(lab, name)) == {"result.txt"}
        assert f"s/{name}: finished -> uploaded" in said.out
    assert "p: is a named pipe, which can't be stored" in lab.reason("b")
    assert "too late" in lab.reason("d")


@pytest.mark.parametrize("there", [True, False])
def test_assets_that_do_not_exist_are_told(lab: Lab, there: bool) -> None:
    class Lists(SimpleTestPipeline):
        def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
            gone = str(self.result.with_name("gone\n.dat"))
            return {"psds": {"H1": gone}, **(super().collect_assets() if there else {})}

    lab.register("lists", Lists)
    lab.apply("a, pipeline: lists")
    said = lab.finish(code=0 if there else 3)
    if there:
        words = "its results are stored, except for assets that do not exist: gone\\n.dat"
        assert lab.reason("a") == words
        assert words.removeprefix("its results are stored") in said.out
        assert words in lab.run("why", "s", "a").out
        assert set(manifest(lab)) == {"result.txt"}
    else:
        assert lab.states() == {"a": "stuck"}
        assert "gone\\n.dat: does not exist, so nothing that" in lab.reason("a")


def removes_all(rundir: Path) -> None:
    shutil.rmtree(rundir)


def removes_one(rundir: Path) -> None:
    (rundir / "d" / "one").unlink()


def raises_midway(rundir: Path) -> None:
    (rundir / "d" / "one").unlink()
    raise RuntimeError("midway")


def does_nothing(rundir: Path) -> None:
    pass


@pytest.mark.parametrize("links", first(1, [True, False]))
@pytest.mark.parametrize(
    ("removes", "kept"),
    [
        (removes_all, {"d/one", "d/two", "d/link", "d/folder", "e/x"}),
        (removes_one, {"d/one"}),
        (raises_midway, {"d/one"}),
        (does_nothing, set()),
    ],
)
def test_what_a_packages_clean_removes_is_kept(
    lab: Lab,
    removes: Callable[[Path], None],
    kept: set[str],
    links: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Cleaning(SimpleTestPipeline):
        def clean(self, dryrun: bool = False) -> None:
            removes(Path(self.production.rundir))

    def refused(*arguments: Any, **named: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    lab.register("cleaning", Cleaning)
    lab.apply("a, pipeline: cleaning")
    lab.finish()
    rundir = lab.rundir("a")
    for name in ("d/one", "d/two", "e/x"):
        (rundir / name).parent.mkdir(exist_ok=True)
        (rundir / name).write_text(name)
    (rundir / "d/link").symlink_to("one")
    (rundir / "d/folder").symlink_to("../e")
    inodes = {path.name: path.lstat().st_ino for path in (rundir / "d").iterdir()}
    if not links:
        monkeypatch.setattr(run_directories.os, "link", refused)  # as on some network file systems
    restart(lab)
    aside = lab.rundir("a.superseded-1")
    files = [path for path in aside.rglob("*") if path.is_symlink() or path.is_file()]
    found = {str(path.relative_to(aside)) for path in files}
    built = {"node.sh", "node.sub", "a.dag", "result.txt"}
    if removes is removes_all:
        assert built < found
        assert (aside / "e/x").read_text() == "e/x"
    assert {name for name in found if "/" in name} == kept
    if "d/one" in kept:
        assert (aside / "d/one").read_text() == "d/one"
    if removes is not removes_all:  # what it left stays where it is
        left = {path.name: path.lstat().st_ino for path in (rundir / "d").iterdir()}
        assert left == {name: ino for name, ino in inodes.items() if f"d/{name}" not in kept}


def truncates(path: Path) -> None:
    path.write_text("")


def rewrites(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"changed")


def appends(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


def rewrites_and_removes(path: Path) -> None:
    rewrites(path)
    path.unlink()


def replaces(path: Path) -> None:
    path.with_name("new").write_text("changed")
    path.with_name("new").replace(path)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "change",
    [truncates, rewrites, appends, rewrites_and_removes, replaces],
    ids=lambda f: f.__name__,
)
def test_what_a_packages_clean_changes_is_kept_as_the_docs_say(
    lab: Lab, change: Callable[[Path], None], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cleaning(SimpleTestPipeline):
        def clean(self, dryrun: bool = False) -> None:
            change(Path(self.production.rundir, "d", "one"))

    if large:
        monkeypatch.setattr(run_directories, "COPIED", 0)
        monkeypatch.setattr(run_directories, "_share", lambda source, copy: False)
    lab.register("cleaning", Cleaning)
    lab.apply("a, pipeline: cleaning")
    lab.finish()
    file = lab.rundir("a") / "d/one"
    file.parent.mkdir()
    file.write_text("as it was")
    restart(lab)
    kept = lab.rundir("a.superseded-1")
    if large and change is not replaces:
        assert not (kept / "d/one").exists() or change is rewrites_and_removes
    else:
        assert (kept / "d/one").read_text() == "as it was"
        assert [path.name for path in kept.rglob("*")] == ["d", "one"]


def test_a_clean_that_calls_that_of_the_base_class_keeps_one_copy(lab: Lab) -> None:
    class Cleaning(SimpleTestPipeline):
        def clean(self, dryrun: bool = False) -> None:
            super().clean(dryrun)

    lab.register("cleaning", Cleaning)
    lab.apply("a, pipeline: cleaning")
    lab.finish()
    restart(lab)
    kept = list((lab.root / "working").rglob("result.txt"))
    assert [path.read_text() for path in kept] == ["s/a\n"]
    assert not lab.rundir("a").exists()
    lab.finish()
    assert lab.states() == {"a": "uploaded"}


def test_summary_pages_of_an_earlier_run_are_kept(lab: Lab) -> None:
    class Never(SimpleTestPipeline):
        def after_processing(self) -> None:
            pass

    lab.register("never", Never)
    lab.apply("a, pipeline: never, postprocessing: {pesummary: {}}")
    lab.finish()
    pages = lab.root / "pages/s/a/pesummary"
    (pages / "samples").mkdir(parents=True)
    (pages / "samples/posterior_samples.h5").write_text("1")
    restart(lab)
    assert not pages.exists()
    kept = pages.with_name("pesummary.superseded-1")
    assert (kept / "samples/posterior_samples.h5").read_text() == "1"
