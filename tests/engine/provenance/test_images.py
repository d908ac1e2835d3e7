"""The image that a job ran in is recorded, and another one makes another result."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.provenance.commands import Command
from asimov.engine.provenance.images import Content, Images
from asimov.engine.provenance.trees import tree
from tests.lab import lab

__all__ = ["lab"]

IN_IMAGE = "pipeline: container, reuse: true, outputs: {y: job.out}, command: [fit], image"
BY_DIGEST = "lab/fit@sha256:" + "b" * 64
#: What docker does here, with images that are files of one line: a program's text.
DOCKER = """#!/bin/sh
case "$1" in
  info) ;;
  inspect)
    for last; do :; done
    test -e "{images}/$last" || { echo "No such image: $last" >&2; exit 1; }
    echo "sha256:$(sha256sum < "{images}/$last" | cut -c1-64)" ;;
  run)
    for each; do
      case "$each" in
        lab/*) test -e "{images}/$each" || echo pulled > "{images}/$each"; cat "{images}/$each" ;;
      esac
    done ;;
esac
"""


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of docker's images, with docker on PATH."""
    program = tmp_path / "docker" / "docker"
    (tmp_path / "docker" / "images" / "lab").mkdir(parents=True)
    program.write_text(DOCKER.replace("{images}", str(tmp_path / "docker" / "images")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "docker" / "images" / "lab"


def record(lab: Any, name: str) -> Any:
    path = lab.root / "results" / "s" / name / "asimov-provenance.json"
    return json.loads(path.read_text())


def test_a_tag_that_names_another_image_by_now_is_not_reused(lab: Any, images: Path) -> None:
    (images / "fit:latest").write_text("one\n")
    (images / BY_DIGEST.partition("/")[2]).write_text("two\n")
    lab.apply(
        f"old, {IN_IMAGE}: lab/fit:latest, runtime: docker",
        f"named, {IN_IMAGE}: '{BY_DIGEST}', runtime: docker",
        f"pulled, {IN_IMAGE}: lab/later:1, runtime: docker",
    )
    lab.finish()
    assert record(lab, "old")["image_digest"].startswith("sha256:")
    assert record(lab, "named")["image_digest"] == BY_DIGEST.partition("@")[2]
    assert "No such image" in record(lab, "pulled")["image_unknown"]
    told = lab.run("provenance", "s/old").out
    assert f"image         lab/fit:latest  {record(lab, 'old')['image_digest']}" in told
    assert "its content is unknown: docker has no" in lab.run("provenance", "s/pulled").out

    lab.apply(
        f"same, {IN_IMAGE}: lab/fit:latest, runtime: docker",
        f"same-named, {IN_IMAGE}: '{BY_DIGEST}', runtime: docker",
        f"same-pulled, {IN_IMAGE}: lab/later:1, runtime: docker",
    )
    lab.finish()
    stages = {name: lab.attempts(name)[-1].stage for name in lab.states()}
    assert (stages["same"], stages["same-named"], stages["same-pulled"]) == (
        "reuse",
        "reuse",
        "run",
    )

    (images / "fit:latest").write_text("three\n")
    lab.apply(f"new, {IN_IMAGE}: lab/fit:latest, runtime: docker")
    lab.finish()
    assert lab.attempts("new")[-1].stage == "run"
    assert (lab.rundir("new") / "job.out").read_text() == "three\n"
    told = lab.run("diff", "s/old", "s/new").out
    assert "image's digest: sha256:" in told


def content(image: str, *executables: str, scheduler: str = "local", named: str = "") -> Content:
    commands = [Command("job.sub", each, image=named) for each in executables]
    return Images(lambda path: "f" * 64).of(image, commands, "/nowhere", scheduler)


def test_what_the_execute_nodes_have_is_unknown_unless_it_is_named_by_digest(images: Path) -> None:
    docker = str(images.parent.parent / "docker")
    (images / "fit:1").write_text("one\n")
    assert content("lab/fit:1", docker).digest
    for found in (
        content("lab/fit:1", docker, scheduler="htcondor"),
        content("lab/fit:1", "apptainer"),
        content("", "fit", named="docker://lab/fit:1", scheduler="htcondor"),
    ):
        assert found.image.endswith("lab/fit:1")
        assert not found.digest and "by its digest" in found.unknown
    digest = BY_DIGEST.partition("@")[2]
    assert content("", "fit", named=f"docker://{BY_DIGEST}").digest == digest
    assert content(BY_DIGEST, docker, scheduler="htcondor").digest == digest
    assert "only its command line" in content("", docker).unknown
    assert content("", "/bin/sh") == Content()


def test_a_file_and_a_root_folder_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "image.sif").write_text("SIF")
    assert content(str(tmp_path / "image.sif"), "apptainer").digest == f"sha256:{'f' * 64}"
    program = tmp_path / "root" / "usr" / "bin" / "fit"
    program.parent.mkdir(parents=True)
    program.write_text("one")
    os.utime(program, ns=(0, 0))
    before = tree(str(tmp_path / "root"))
    assert content(str(tmp_path / "root"), "bwrap")[1:] == before
    (tmp_path / "root" / "tmp").mkdir()
    (tmp_path / "root" / "tmp" / "scratch").touch()
    (program.parent / "link").symlink_to("fit")
    with_link = tree(str(tmp_path / "root"))
    (program.parent / "link").unlink()
    assert tree(str(tmp_path / "root")) != with_link
    with program.open("r+") as stream:
        stream.write("two")
    changed = tree(str(tmp_path / "root"))
    assert len({before, with_link, changed}) == 3
    flat = tmp_path / ".flat" / "ab" / ("ab" * 32)
    flat.mkdir(parents=True)
    (tmp_path / "latest").symlink_to(flat)
    assert tree(str(tmp_path / "latest")) == (f"sha256:{'ab' * 32}", "")
