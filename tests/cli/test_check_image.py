"""``asimov plugins check --image``: what breaks the contract of SPT's plugins."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import containers
from tests.containers import with_runtimes
from tests.searching import first

__all__ = ["with_runtimes"]

pytestmark = pytest.mark.usefixtures("with_runtimes")

TRAIN = "spt-plugin-train-on-graphs"
PRINT = "spt-plugin-print-training-configuration"
REQUEST = "spt-plugin-print-graph-request-configuration"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("h5py")
    program = containers.EXAMPLE / "worker" / "generate_graphs.py"
    folder = tmp_path_factory.mktemp("graphs")
    subprocess.run([sys.executable, program, folder / "graphs"], check=True, capture_output=True)
    return folder / "graphs"


@pytest.fixture
def image() -> Iterator[Callable[..., Path]]:
    def make(**commands: str | None) -> Path:
        names = {"train": TRAIN, "training": PRINT, "request": REQUEST}
        changed = {names[key]: script for key, script in commands.items()}
        return containers.altered(top / "image", changed)

    with containers.folder() as top:
        yield make


@pytest.mark.parametrize("runtime", first(1, ["bubblewrap", "charliecloud"]))
def test_an_image_that_keeps_the_contract_is_trained(
    asimov: Callable[..., Any], graphs: Path, runtime: str
) -> None:
    options = ("--runtime", runtime, "--input", graphs)
    ran = asimov("plugins", "check", "--image", containers.image(), *options)
    assert ran.code == 0, ran
    assert f"runtime: {runtime} runs an unpacked root folder" in ran.out
    assert ("not protected from changes" in ran.out) is (runtime == "charliecloud")
    assert f"command: {TRAIN}" in ran.out
    assert "the plugin's own is [logit], with epochs, learning_rate, stopping" in ran.out
    assert "importances: 148 cells" in ran.out
    assert ran.out.endswith("keeps the contract\n")


def test_every_missing_command_is_named(
    asimov: Callable[..., Any], image: Callable[..., Path]
) -> None:
    ran = asimov("plugins", "check", "--image", image(train=None, training=None))
    assert ran.code == 1
    assert f"does not hold  command: there is no command {TRAIN}" in ran.out
    assert f"does not hold  command: there is no command {PRINT}" in ran.out
    assert f"holds          command: {REQUEST}" in ran.out
    assert "2 do not hold" in ran.out


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("echo oops >&2; exit 3", "failed with exit code 3: oops"),
        ("echo Loading", "line 1: is not an INI file"),
        ("echo '[a]'; echo here = $PWD", f"{REQUEST} prints something else in / than in /tmp"),
    ],
)
def test_a_faulty_print_is_told(
    asimov: Callable[..., Any], image: Callable[..., Path], script: str, seen: str
) -> None:
    ran = asimov("plugins", "check", "--image", image(request=script))
    assert ran.code == 1
    assert seen in ran.out


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("exit 7", "training: spt-plugin-train-on-graphs failed with exit code 7"),
        ("true", "importances: exit code 0, and no importances.csv"),
        (
            "for o; do :; done; echo histological_structure,importance > $o/importances.csv",
            "importances: importances.csv: cell 1 of the graph lesion_0-1_0.h5 is missing",
        ),
    ],
)
def test_a_training_that_breaks_the_contract_is_told(
    asimov: Callable[..., Any], image: Callable[..., Path], graphs: Path, script: str, seen: str
) -> None:
    ran = asimov("plugins", "check", "--image", image(train=script), "--input", graphs)
    assert ran.code == 1
    assert f"does not hold  {seen}" in ran.out


def test_the_findings_are_there_as_json(asimov: Callable[..., Any]) -> None:
    ran = asimov("plugins", "check", "--image", containers.image(), "--json")
    assert ran.code == 0, ran
    found = json.loads(ran.out)
    assert {each["contract"] for each in found} >= {"runtime", "command", "configuration"}
    assert next(each for each in found if each["holds"] is None)["contract"] == "training"


def test_an_image_that_is_not_there_is_one_line(asimov: Callable[..., Any]) -> None:
    ran = asimov("plugins", "check", "--image", "./nothing")
    assert ran.code == 1
    assert "the image './nothing' does not exist" in ran.err


@pytest.mark.parametrize(
    "words", [(), ("command", "--image", "a"), ("command", "--runtime", "docker")]
)
def test_what_is_checked_has_to_be_clear(asimov: Callable[..., Any], words: tuple[str]) -> None:
    assert asimov("plugins", "check", *words).code == 2
