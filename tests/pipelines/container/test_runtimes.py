"""The command line of each runtime, as text; where the runtime is here, it is also run."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from asimov.pipelines.container import choice
from asimov.pipelines.container.images import Image
from asimov.pipelines.container.launch import node
from asimov.pipelines.container.runtimes import RUNTIMES

from asimov.errors import AsimovError
from asimov.pipeline.nodes import Input, Node

REFERENCE = Image("docker", "nadeemlab/cg-gnn:0.2")
SIF = Image("sif", "/images/worker.sif")
ROOT = Image("root", "/images/worker")


def job(runtime: str, image: Image, gpus: int = 0, **more: object) -> Node:
    """Describe a job that reads a mounted folder and a file that its command names."""
    return node(
        "job", RUNTIMES[runtime], image, ["fit", "--data", Input("/data/in put", form="d={}"), "x"],
        environment={"MODE": "a, b"}, outputs=["out"], gpus=gpus, transferred=True, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def text(node: Node) -> str:
    """Return the command line as it runs where paths are those of this machine."""
    words = [each if isinstance(each, str) else each.word(each.path) for each in node.arguments]
    return shlex.join([node.executable, *words])


def test_apptainer_binds_read_only_and_gets_variables_through_its_environment() -> None:
    made = job("apptainer", REFERENCE, gpus=1)
    assert text(made) == (
        "apptainer exec --no-home --nv --bind '/data/in put:/mnt/inputs/1/in put:ro' "
        "--bind .:/mnt/run --pwd /mnt/run docker://nadeemlab/cg-gnn:0.2 "
        "fit --data 'd=/mnt/inputs/1/in put' x"
    )
    assert made.environment == {"APPTAINERENV_MODE": "a, b"}
    assert made.commands == {"request_gpus": "1"}
    assert " /images/worker.sif fit " in text(job("apptainer", SIF))
    assert "--nv" not in text(job("apptainer", SIF))


def test_singularity_is_apptainer_with_its_own_prefix() -> None:
    made = job("singularity", SIF)
    assert text(made) == text(job("apptainer", SIF)).replace("apptainer", "singularity", 1)
    assert made.environment == {"SINGULARITYENV_MODE": "a, b"}


def test_docker_runs_as_the_user_without_the_entry_point_of_the_image() -> None:
    made = job("docker", REFERENCE, gpus=2)
    assert text(made) == (
        f"docker run --rm --init --user {os.getuid()}:{os.getgid()} --gpus all "
        "--volume '/data/in put:/mnt/inputs/1/in put:ro' --volume .:/mnt/run --workdir /mnt/run "
        "--env MODE --env ASIMOV_PROGRESS --env ASIMOV_SEED --entrypoint fit "
        "nadeemlab/cg-gnn:0.2 --data 'd=/mnt/inputs/1/in put' x"
    )
    assert made.environment == {"MODE": "a, b"}
    assert made.commands == {"request_gpus": "2"}


def test_podman_keeps_the_user_and_names_gpus_as_devices() -> None:
    made = text(job("podman", REFERENCE, gpus=1))
    assert made.startswith(
        "podman run --rm --init --userns keep-id --device nvidia.com/gpu=all --volume "
    )
    assert made.endswith("--entrypoint fit nadeemlab/cg-gnn:0.2 --data 'd=/mnt/inputs/1/in put' x")


def test_charliecloud_gets_the_user_and_an_overlay() -> None:
    made = job("charliecloud", ROOT)
    assert text(made).startswith("ch-run --write-fake --private-tmp --env-no-expand ")
    assert "'--set-env=MODE=a, b'" in text(made)
    assert text(made).endswith(
        "--cd=/mnt/run /images/worker -- fit --data 'd=/mnt/inputs/1/in put' x"
    )
    assert made.environment == {"USER": made.environment["USER"]}
    assert made.environment["USER"]


def test_bubblewrap_sees_the_devices_only_with_a_gpu() -> None:
    plain, with_gpu = text(job("bubblewrap", ROOT)), text(job("bubblewrap", ROOT, gpus=1))
    assert plain.startswith("bwrap --ro-bind /images/worker / --dev /dev --proc /proc ")
    assert "--ro-bind '/data/in put' '/mnt/inputs/1/in put' --bind . /mnt/run " in plain
    assert "--dev-bind /dev /dev" in with_gpu
    assert plain.endswith("--setenv MODE 'a, b' -- fit --data 'd=/mnt/inputs/1/in put' x")


def test_htcondor_gets_the_command_as_it_is() -> None:
    made = job("htcondor", REFERENCE, gpus=1)
    assert text(made) == "fit --data 'd=/data/in put' x"
    assert made.commands == {
        "universe": "container",
        "container_image": "docker://nadeemlab/cg-gnn:0.2",
        "request_gpus": "1",
    }
    assert job("htcondor", SIF).commands["container_image"] == "/images/worker.sif"


def test_htcondor_can_t_mount() -> None:
    with pytest.raises(AsimovError, match="htcondor can't show '/d' at /data") as refused:
        job("htcondor", SIF, mounts={"/data": Input("/d")})
    assert refused.value.hint


@pytest.mark.parametrize("runtime", ["apptainer", "docker", "charliecloud"])
def test_a_name_that_the_runtime_would_split_is_refused(runtime: str) -> None:
    image = ROOT if runtime == "charliecloud" else REFERENCE
    with pytest.raises(AsimovError, match="'/d:x' can't be mounted"):
        job(runtime, image, mounts={"/data": Input("/d:x")})


def test_bubblewrap_refuses_a_mount_that_the_image_has_no_place_for(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    image = Image("root", str(tmp_path))
    assert "/opt" in text(job("bubblewrap", image, mounts={"/opt": Input("/d")}))
    with pytest.raises(AsimovError, match="the image has no such path"):
        job("bubblewrap", image, mounts={"/data": Input("/d")})


def test_a_file_of_charliecloud_is_seen_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "one.csv").touch()
    (tmp_path / "two.csv").touch()
    words = ["cat", Input(str(tmp_path / "one.csv")), Input(str(tmp_path / "two.csv"))]
    made = text(node("job", RUNTIMES["charliecloud"], ROOT, words))
    assert made.count("--bind") == 2  # the folder once, and the job's own
    assert made.endswith(
        f"cat /mnt/inputs/1/{tmp_path.name}/one.csv /mnt/inputs/1/{tmp_path.name}/two.csv"
    )
    with pytest.raises(AsimovError, match="can mount folders"):
        node("job", RUNTIMES["charliecloud"], ROOT, ["ls"],
             mounts={"/d": Input(str(tmp_path / "one.csv"))})  # fmt: skip


# --- choosing one


def test_the_configured_runtime_is_used_even_where_it_is_not_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert choice.chosen(REFERENCE, "apptainer").name == "apptainer"


def test_a_runtime_that_can_t_run_the_image_is_refused_with_those_that_can() -> None:
    with pytest.raises(AsimovError, match="docker can't run a SIF file") as refused:
        choice.chosen(SIF, "docker")
    assert "htcondor, apptainer, singularity" in str(refused.value.hint)
    with pytest.raises(AsimovError, match="did you mean 'bubblewrap'"):
        choice.chosen(ROOT, "bubblewarp")


def program(folder: Path, name: str, code: int = 0) -> None:
    (folder / name).write_text(f"#!/bin/sh\nexit {code}\n")
    (folder / name).chmod(0o755)


def test_the_first_runtime_that_works_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    none = "no runtime on this machine can run a Docker reference"
    with pytest.raises(AsimovError, match=none) as refused:
        choice.chosen(REFERENCE, None)
    assert "podman: podman is not on PATH" in str(refused.value)
    assert str(refused.value.hint).startswith("install apptainer or podman, or set 'runtime'")
    program(tmp_path, "podman")
    (tmp_path / "podman").unlink()
    program(tmp_path, "docker", code=1)  # its daemon is not there
    with pytest.raises(AsimovError, match="docker: 'docker info' fails: exit code 1"):
        choice.chosen(REFERENCE, None)
    program(tmp_path, "podman")
    assert choice.chosen(REFERENCE, None).name == "podman"
    program(tmp_path, "apptainer")
    assert choice.chosen(REFERENCE, None).name == "apptainer"
    assert choice.chosen(REFERENCE, None, lambda: True).name == "htcondor"
    program(tmp_path, "bwrap")
    (tmp_path / "apptainer").unlink()
    assert choice.chosen(ROOT, None).name == "bubblewrap"
    with pytest.raises(AsimovError, match="no runtime on this machine can run a SIF file"):
        choice.chosen(SIF, None)


# --- run where they are


@pytest.mark.parametrize("runtime", ["apptainer", "singularity", "docker", "podman"])
def test_a_runtime_that_is_here_runs_its_command_line(runtime: str, tmp_path: Path) -> None:
    if choice.fault_here(RUNTIMES[runtime]):
        pytest.skip(f"{runtime} does not run here")
    image = Image("docker", "debian:stable-slim")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data").write_text("42\n")
    (tmp_path / "run").mkdir()
    words = ["sh", "-c", "cat $0/data > out; ! touch $0/new", Input(str(tmp_path / "in"))]
    made = node("job", RUNTIMES[runtime], image, words)
    line = [made.executable] + [
        each if isinstance(each, str) else each.word(each.path) for each in made.arguments
    ]
    assert shutil.which(line[0])
    ran = subprocess.run(line, cwd=tmp_path / "run", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "run" / "out").read_text() == "42\n"
    assert (tmp_path / "run" / "out").stat().st_uid == os.getuid()
