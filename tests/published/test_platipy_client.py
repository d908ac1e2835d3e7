"""PlatiPy's own client runs real segmentations by `asimov serve`, unchanged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import stop_local_scheduler
from tests.published.conftest import Place, environment
from tests.published.test_platipy import Phantom

ORIGINALS = Path(__file__).parent / "originals"
EXAMPLE = Path(__file__).parents[2] / "ledger-examples" / "service"
CLIENTS = 20


@contextmanager
def served(command: list[object], folder: Path, prefix: Path) -> Iterator[str]:
    """Serve a project within the block; yields the port."""
    path = f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [*map(str, command)], cwd=folder, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout
        while not (found := re.search(r"http://[^:]+:(\d+)", line := process.stdout.readline())):
            assert line, "the service has ended"
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(params=["local", "htcondor"])
def phantom(request: pytest.FixtureRequest, place: Callable[..., Place]) -> Phantom:
    if request.param == "htcondor":
        request.getfixturevalue("pool")
    return Phantom(place("platipy", scheduler=request.param))


def test_twenty_clients_at_once_segment_a_volume(phantom: Phantom) -> None:
    phantom.service("platipy.backend")
    phantom.place.run("configuration", "update", "functions/modules", "blobs")
    key = phantom.place.run("manage", "key", "--add", "ada").out.split()[-1]
    prefix, output = phantom.place.prefix, phantom.root.parent / "downloaded"
    serve = [prefix / "bin" / "asimov", "serve", "--port", "0", "--monitor"]
    with served(serve, phantom.root, prefix) as port:
        said = phantom.python(
            str(ORIGINALS / "platipy_clients.py"), port, key, "Blob Segmentation", str(CLIENTS),
            str(phantom.root / "data" / "volume.nii.gz"), str(output),
        )  # fmt: skip
    for number, each in enumerate(json.loads(said.splitlines()[-1])):
        assert set(each["states"]) <= {"PENDING", "RUNNING"}
        sizes = [1000, 120][: number % 2 + 1]
        assert [meta["voxels"] for _, meta in each["outputs"]] == sizes
        for size, (name, _) in zip(sizes, each["outputs"], strict=True):
            mask = str(output / str(number) / name)
            program = (
                f"import SimpleITK as s; print(s.GetArrayFromImage(s.ReadImage({mask!r})).sum())"
            )
            assert int(phantom.python("-c", program)) == size


def test_the_example_goes_from_two_commands_to_a_segmentation(tmp_path: Path) -> None:
    folder, prefix = tmp_path / "service", environment("platipy")
    shutil.copytree(EXAMPLE, folder)
    try:
        with served([folder / "scripts" / "serve", "0"], folder, prefix) as port:
            done = subprocess.run(
                [prefix / "bin" / "python", folder / "scripts" / "segment", port],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "dish-mask.pgm {'pixels': " in done.stdout
        assert (folder / "masks" / "dish-mask.pgm").read_text().startswith("P2\n16 8\n1\n")
    finally:
        stop_local_scheduler(tmp_path)
