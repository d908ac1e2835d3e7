"""The page on writing a pipeline shows what ``asimov plugins new`` writes, and is true."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from asimov.plugins.catalogue.scaffold import names_of, rendered, write_package
from tests.searching import first
from tests.test_docs import blocks, commands, masked, shown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "writing-a-pipeline.md"
SHOWN = dict(
    re.findall(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
)
WRITTEN = rendered(names_of("mypipeline"), "simple")
#: What the page shows besides: the other forms of the metadata, and a second pipeline.
BESIDES = {"setup.cfg", "setup.py", "asimov_mypipeline/sorted.py"}
#: What stands for ``pip install --editable`` there: the tests' own environment is left as it is.
PIP = """#!/bin/sh
exec {python} -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \\
  --target {packages} .
"""


def test_the_page_shows_every_file_but_the_readme() -> None:
    assert set(SHOWN) == (set(WRITTEN) | BESIDES) - {"README.md"}


@pytest.mark.parametrize("name", sorted(set(SHOWN) - BESIDES))
def test_what_the_page_shows_is_what_is_written(name: str) -> None:
    assert SHOWN[name] == WRITTEN[name]


@pytest.mark.long
def test_the_commands_of_the_page_print_what_it_shows(
    tmp_path: Path, quick_shell: Callable[..., Any]
) -> None:
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    packages = tmp_path / "packages"
    pip.write_text(PIP.format(python=sys.executable, packages=packages))
    pip.chmod(pip.stat().st_mode | stat.S_IXUSR)
    environment = {
        "PATH": f"{pip.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "COLUMNS": "400",
    }
    here = tmp_path / "start"
    here.mkdir()
    for block in blocks(PAGE):
        if block.language != "console":
            continue
        for command, expected in commands(block):
            after = tmp_path / "folder"
            ran = quick_shell(
                f"exec 2>&1\n{command}\nend=$?; pwd > {after}; exit $end", cwd=here, **environment
            )
            told = f"{PAGE.name}:{block.line}: $ {command}\n{ran}"
            assert ran.code == 0, told
            here = Path(after.read_text().strip())
            actual = "".join(f"{masked(line)}\n" for line in ran.out.splitlines())
            assert shown(expected).fullmatch(actual), told


def wheel_of(folder: Path) -> zipfile.ZipFile:
    """Build a package's wheel."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    wheels = folder / "wheels"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", wheels, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.iterdir()
    return zipfile.ZipFile(wheel)


def told_by(wheel: zipfile.ZipFile) -> tuple[set[tuple[str, str, str]], set[str], set[str]]:
    """Return a wheel's entry points, its files, and some of its metadata."""
    (about,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    points = set()
    group = ""
    for line in wheel.read(f"{about}/entry_points.txt").decode().splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line:
            name, _, value = line.partition("=")
            point = EntryPoint(name.strip(), value.strip(), group)
            points.add((point.group, point.name, point.value))
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    fields = ("Name:", "Version:", "Requires-Python:", "Requires-Dist: asimov")
    lines = wheel.read(f"{about}/METADATA").decode().splitlines()
    return points, files, {line for line in lines if line.startswith(fields)}


@pytest.fixture(scope="module")
def as_written(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[Any], set[str], set[str]]:
    """Return what the wheel of the package as it is written tells."""
    folder = tmp_path_factory.mktemp("written")
    return told_by(wheel_of(write_package("mypipeline", "simple", folder).folder))


@pytest.mark.parametrize("form", first(1, ["setup.cfg", "setup.py"]))
def test_every_form_of_the_metadata_makes_the_same_wheel(
    form: str, as_written: tuple[set[Any], set[str], set[str]], tmp_path: Path
) -> None:
    second = write_package("mypipeline", "simple", tmp_path).folder
    section, *_ = SHOWN["pyproject.toml"].split("\n\n")
    assert section.startswith("[build-system]")
    (second / "pyproject.toml").write_text(f"{section}\n")
    (second / form).write_text(SHOWN[form])
    assert told_by(wheel_of(second)) == as_written
    assert as_written[0] == {
        ("asimov.pipelines", "mypipeline", "asimov_mypipeline.pipeline:Mypipeline"),
        ("asimov.settings", "mypipeline", "asimov_mypipeline.settings:Settings"),
    }
    assert "asimov_mypipeline/mypipeline.ini" in as_written[1]
    assert not [name for name in as_written[1] if name.startswith("tests")]
