"""What is recorded of a job in a container: its data and its image, not what the runtime mounts."""

from __future__ import annotations

import json
from typing import Any

from tests.containers import altered
from tests.pipelines.container.conftest import InContainers

FIT = {
    "command": ["fit", "data/in.txt"],
    "mounts": {"/mnt/more": "data"},
    "outputs": {"y": "job.out"},
    "reuse": True,
}


def stored(runs: InContainers, name: str) -> Any:
    path = runs.root / "results" / "s" / name / "asimov-provenance.json"
    return json.loads(path.read_text())


def stage(runs: InContainers, name: str) -> str:
    told = json.loads(runs.asimov("production", "show", "s", name, "--json").out)
    return str(told["attempts"][-1]["stage"])


def test_data_and_the_image_are_recorded_and_a_changed_image_counts(runs: InContainers) -> None:
    (runs.root / "data").mkdir()
    (runs.root / "data" / "in.txt").write_text("in\n")
    root = altered(runs.root / "image", {"fit": 'cat "$1" /mnt/more/in.txt'})
    runs.apply({"name": "old", "image": "image", **FIT})
    runs.finish()
    assert runs.file("job.out", "old").read_text() == "in\nin\n"
    record = stored(runs, "old")
    inputs = {each["path"] for each in record["files"] if each["role"] == "input"}
    assert inputs == {"data", "data/in.txt"}
    assert record["image"] == str(root)
    assert record["image_digest"].startswith("tree:") and "image_unknown" not in record
    assert "no checksum" not in runs.asimov("provenance", "s/old").out
    packed = runs.asimov("package", "s/old", "-o", runs.root / "old.zip")
    assert packed.code == 0 and "without" not in packed.out + packed.err

    runs.apply({"name": "same", "image": "image", **FIT})
    runs.finish()
    assert stage(runs, "same") == "reuse"
    assert json.loads(runs.asimov("status", "--json").out)[0]["outdated"] == []

    with (root / "usr/local/bin/fit").open("a") as stream:
        stream.write("echo changed\n")
    (row, *_) = json.loads(runs.asimov("status", "--json").out)
    assert row["outdated"] == [f"the image {root} has changed"]
    assert "version: the image" in runs.asimov("why", "s/old").out
    runs.apply({"name": "new", "image": "image", **FIT})
    runs.finish()
    assert stage(runs, "new") == "run"
    assert runs.file("job.out", "new").read_text() == "in\nin\nchanged\n"
    assert "image's digest: tree:" in runs.asimov("diff", "s/old", "s/new").out
