"""References of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from asimov.pipelines.container.images import image_of

from asimov.errors import AsimovError


@pytest.mark.parametrize(
    ("text", "address", "version"),
    [
        ("nadeemlab/cg-gnn", "nadeemlab/cg-gnn", ""),
        ("nadeemlab/spt-plugin:0.0.2", "nadeemlab/spt-plugin:0.0.2", "0.0.2"),
        ("docker://ubuntu", "ubuntu", ""),
        ("registry.example.org:5000/a/b:v1", "registry.example.org:5000/a/b:v1", "v1"),
        (f"a/b@sha256:{'0' * 64}", f"a/b@sha256:{'0' * 64}", f"sha256:{'0' * 64}"),
    ],
)
def test_a_reference_is_recognised(tmp_path: Path, text: str, address: str, version: str) -> None:
    image = image_of(text, tmp_path)
    assert (image.kind, image.address, image.version) == ("docker", address, version)
    assert image.url == f"docker://{address}"


def test_a_path_that_is_there_comes_before_a_reference(tmp_path: Path) -> None:
    (tmp_path / "images" / "usr").mkdir(parents=True)
    (tmp_path / "worker.sif").touch()
    assert image_of("images", tmp_path).kind == "root"
    assert image_of("worker.sif", tmp_path).kind == "sif"
    assert image_of("worker.sif", tmp_path).url == str(tmp_path / "worker.sif")
    assert image_of("docker://images", tmp_path).kind == "docker"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("./images", "does not exist"),
        ("missing.sif", "does not exist"),
        ("/nowhere/root", "does not exist"),
        ("Nadeemlab/CG-GNN", "is not an image reference"),
        ("two words", "is not an image reference"),
        ("oras://registry/a", "not supported"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AsimovError, match=message) as refused:
        image_of(text, tmp_path)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["imgae", "wroker.sif", "./imgae"])
def test_a_name_that_is_nearly_that_of_an_image_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "image" / "usr").mkdir(parents=True)
    (tmp_path / "worker.sif").touch()
    (tmp_path / "debain").mkdir()  # no image
    with pytest.raises(AsimovError, match=r"; did you mean '(image|worker\.sif)'\?") as refused:
        image_of(text, tmp_path)
    assert refused.value.hint
    assert image_of(f"docker://{text.strip('./')}", tmp_path).kind == "docker"
    assert image_of("debian", tmp_path).kind == "docker"


def test_a_folder_that_is_no_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(AsimovError, match="has no 'usr'"):
        image_of("data", tmp_path)
