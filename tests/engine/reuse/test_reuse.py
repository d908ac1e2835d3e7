"""An analysis takes over what it would only make again (setting ``reuse``)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from typing import Any

import pytest
from prov.model import ProvDerivation, ProvDocument

from asimov.engine.reuse.takeover import StoredResults
from asimov.journal.journal import Journal
from asimov.project.storage.store import Store
from tests.conftest import stop_local_scheduler
from tests.lab import Lab, lab

__all__ = ["lab"]

#: Each run of this adds a line to a file that nothing records: it shows how often it ran.
RUNS = (
    "pipeline: command, executable: /bin/sh, reuse: true, gain: {gain}, outputs: {{y: out/y}}, "
    "arguments: [-c, 'mkdir out; cat {seen} > out/y; echo ran >> {runs}']"
)


class Scene:
    """A project in which `first` has run; whatever is like it need not run again."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.runs = lab.root.parent / "runs"
        self.data = lab.root / "data.txt"
        self.data.write_text("data\n")

    def like(self, name: str, gain: int = 2, **more: str) -> str:
        text = RUNS.format(gain=gain, runs=self.runs, seen=more.pop("seen", self.data))
        return f"{name}, {text}" + "".join(f", {key}: {value}" for key, value in more.items())

    def count(self) -> int:
        return len(self.runs.read_text().splitlines())

    def show(self, name: str) -> Any:
        return json.loads(self.lab.run("production", "show", "s", name, "--json").out)

    def manifest(self, name: str) -> Any:
        return json.loads((self.lab.root / f"results/s/{name}/manifest.json").read_text())


@pytest.fixture
def scene(lab: Lab) -> Scene:
    made = Scene(lab)
    lab.apply(made.like("first"))
    lab.finish()
    assert made.count() == 1
    return made


def test_the_same_analysis_under_another_name_is_not_run(scene: Scene) -> None:
    lab = scene.lab
    lab.apply(scene.like("second"))
    told = lab.finish().out
    assert "s/second: reused the products of s/first@1, whose run was identical" in told
    assert scene.count() == 1
    assert lab.states() == {"first": "uploaded", "second": "uploaded"}
    # Log, why, production show, manifest and record tell from where.
    for command in (
        ["log", "s", "second"],
        ["why", "s", "second"],
        ["production", "show", "s", "second"],
    ):
        assert "s/first@1" in lab.run(*command).out, command
    (attempt,) = scene.show("second")["attempts"]
    assert (attempt["stage"], attempt["state"], attempt["job_id"]) == ("reuse", "ended", None)
    stored = lab.root / "results/s/second/out/y"
    assert scene.show("second")["products"] == {"y": str(stored)}
    assert stored.samefile(lab.root / "results/s/first/out/y")
    assert scene.manifest("second")["out/y"]["reused from"] == "s/first@1"
    told = lab.run("provenance", "s/second").out
    assert "s/second@1\n  reused        the products of s/first@1, reused " in told
    assert "\ns/first@1\n" in told
    document = ProvDocument.deserialize(
        content=lab.run("provenance", "s/second", "--format", "prov-json").out, format="json"
    )
    (made,) = [
        each.args
        for each in document.get_records(ProvDerivation)
        if each.get_attribute("prov:activity")
        and lab.attempts("second")[0].uid in str(each.args)
        and lab.attempts("first")[0].uid in str(each.args)
    ]
    assert len({str(each).rpartition("/")[2] for each in made[:2]}) == 1, "the same content"
    assert 'label="reused"' in lab.run("provenance", "s/second", "--format", "dot").out
    lab.run("package", "s/second", "-o", "second.zip")
    assert "  reused        the" in lab.run("provenance", "--file", "second.zip").out
    record = json.loads((lab.root / "results/s/second/asimov-provenance.json").read_text())
    assert record["reused"]["from"] == "s/first@1" and record["analysis"] == "s/second"
    assert "all as they were stored" in lab.run("store", "verify").out
    assert lab.run("diff", "s/first", "s/second").code == 0
    # What reuses a reused result names the run that made it; later analyses use it.
    lab.apply(scene.like("third"), scene.like("fourth", needs="[second]", seen="{{ assets.y }}"))
    lab.finish()
    assert scene.manifest("third")["out/y"]["reused from"] == "s/first@1"
    assert scene.count() == 2
    assert (lab.root / "results/s/fourth/out/y").read_text() == "data\n"
    # A restart asks for a new run.
    lab.run("production", "set", "s", "second", "--status", "restart")
    lab.finish()
    assert scene.count() == 3
    assert scene.show("second")["attempts"][-1]["stage"] == "run"
    assert "reused from" not in scene.manifest("second")["out/y"]


def test_what_differs_runs(scene: Scene) -> None:
    lab = scene.lab
    lab.apply(scene.like("second", gain=3))
    lab.finish()
    assert scene.count() == 2
    scene.data.write_text("other\n")
    lab.apply(scene.like("third"))
    lab.finish()
    assert scene.count() == 3
    lab.apply(scene.like("fourth").replace("reuse: true, ", ""))
    lab.finish()
    assert scene.count() == 4


def test_a_result_that_does_not_verify_is_never_reused(scene: Scene) -> None:
    lab = scene.lab
    stored = lab.root / "results/s/first/out/y"
    stored.chmod(0o644)
    stored.write_text("wrong")
    lab.apply(scene.like("second"))
    lab.finish()
    assert scene.count() == 2
    assert (lab.root / "results/s/second/out/y").read_text() == "data\n"


@pytest.mark.parametrize("name", ["again", "first"])
def test_an_analysis_that_was_removed_and_added_again_is_not_run(scene: Scene, name: str) -> None:
    lab = scene.lab
    ledger = lab.root / "ledger/subjects/s.yaml"
    text = ledger.read_text()
    ledger.write_text(text.partition("analyses:")[0])
    lab.run("production", "forget", "s")
    shutil.rmtree(lab.rundir("first"))
    lab.apply(scene.like(name))
    assert lab.states() == {name: "ready"}
    lab.finish()
    assert scene.count() == 1
    assert (lab.root / f"results/s/{name}/out/y").read_text() == "data\n"


def test_a_copy_of_a_project_runs_nothing_that_has_run(scene: Scene) -> None:
    lab = scene.lab
    copy = lab.root.parent / "copy"
    stop_local_scheduler(lab.root)  # it would remove files meanwhile
    shutil.copytree(lab.root, copy, symlinks=True, ignore=shutil.ignore_patterns("wake"))
    lab.run("--project", copy, "project", "copied", "--certain")
    text = RUNS.format(gain=2, runs=scene.runs, seen=copy / "data.txt")
    path = copy / "more.yaml"
    path.write_text(f"{{kind: analysis, event: s, name: fifth, {text}}}")
    lab.run("--project", copy, "apply", "-f", path)
    until = ("--until-idle", "--interval", "0.1", "--timeout", "300")
    lab.run("--project", copy, "monitor", "--chain", *until)
    assert scene.count() == 1
    assert (copy / "results/s/fifth/out/y").read_text() == "data\n"


def test_a_kill_before_the_takeover_is_recorded_is_made_up_for(scene: Scene) -> None:
    lab = scene.lab
    lab.apply(scene.like("second"))
    pid = os.fork()
    if pid == 0:
        Journal.reused = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        lab.run("manage", "build", "submit")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert scene.manifest("second")["out/y"]["reused from"] == "s/first@1"
    assert lab.states()["second"] == "ready"
    lab.finish()
    assert lab.states()["second"] == "uploaded"
    assert scene.count() == 1
    assert scene.show("second")["attempts"][-1]["stage"] == "reuse"
    assert "all as they were stored" in lab.run("store", "verify").out


def test_the_setting_can_come_after_the_run_and_for_a_pipeline(lab: Lab) -> None:
    scene = Scene(lab)
    lab.apply(scene.like("first").replace("reuse: true, ", ""))
    lab.finish()
    path = lab.root / "all.yaml"
    path.write_text("{kind: configuration, pipelines: {command: {reuse: true}}}")
    lab.run("apply", "-f", path)
    lab.apply(scene.like("second").replace("reuse: true, ", "labels: [new], "))
    lab.finish()
    assert scene.count() == 1


@pytest.mark.parametrize("value", ["yess", "1", "[true]"])
def test_a_value_that_means_nothing_is_refused(lab: Lab, value: str) -> None:
    path = lab.root / "wrong.yaml"
    path.write_text(f"{{kind: configuration, reuse: {value}}}")
    assert "'reuse' should be true or false, not" in lab.run("apply", "-f", path, code=1).err
    path.write_text("{kind: configuration, resue: true}")
    assert "did you mean 'reuse'?" in lab.run("apply", "-f", path, code=1).err


def test_thousands_of_records_are_read_in_seconds(scene: Scene) -> None:
    record = scene.lab.root / "results/s/first/asimov-provenance.json"
    store = Store(scene.lab.root / "results")
    for number in range(500):
        folder = store.root / "s" / f"x{number}"
        folder.mkdir()
        (folder / record.name).symlink_to(record)
    begun = time.process_time()
    fingerprint = json.loads(record.read_text())["fingerprint"]
    assert len(StoredResults(store).matching(fingerprint)) == 501
    assert time.process_time() - begun < 0.5, "a thousand a second"
