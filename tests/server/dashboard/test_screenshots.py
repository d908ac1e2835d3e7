"""The script that takes the pictures of the dashboard in the documentation."""

from __future__ import annotations

import re
import runpy
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests import browser
from tests.server.conftest import made

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tools" / "dashboard-screenshots"
PICTURES = ROOT / "docs" / "assets" / "dashboard"
#: What the pictures show, without anything that has run.
PROJECT = """
---
{kind: subject, name: river-levels}
---
{kind: analysis, event: river-levels, name: import, pipeline: command}
---
{kind: subject, name: sunspots}
---
{kind: analysis, event: sunspots, name: detrend, pipeline: command}
---
{kind: projectanalysis, name: overview, pipeline: command, subjects: [sunspots]}
"""


@pytest.fixture(scope="module")
def sizes():
    """Return width and height of each picture that the script takes, by the file's name."""
    pages = runpy.run_path(str(SCRIPT))["PAGES"]
    return {f"{name}.png": (width, height) for name, (_, width, height, _) in pages.items()}


def size(path):
    """Return width and height of a PNG (https://www.w3.org/TR/png-3/#11IHDR)."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", head[16:24])


def taken(project, folder):
    command = [sys.executable, SCRIPT, project, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.long
def test_the_pictures_are_taken_in_their_sizes(tmp_path, sizes):
    browser.program()
    root, folder = made(tmp_path / "project", PROJECT), tmp_path / "pictures"
    ran = taken(root, folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(folder / name) for name in sizes]
    assert {path.name: size(path) for path in folder.iterdir()} == sizes
    # Not five times the same page, and none of them empty.
    assert len({path.read_bytes() for path in folder.iterdir()}) == len(sizes)
    assert min(path.stat().st_size for path in folder.iterdir()) > 5000


@pytest.mark.long
def test_a_project_without_what_they_show_is_refused(tmp_path):
    browser.program()
    ran = taken(made(tmp_path / "project"), tmp_path / "pictures")
    assert ran.returncode == 1
    assert "/analyses/river-levels/import is 404" in ran.stderr


def test_the_documentation_shows_each_of_them_in_that_size(sizes):
    assert {path.name: size(path) for path in PICTURES.iterdir()} == sizes
    shown = {
        name
        for page in (ROOT / "docs").glob("*.md")
        for name in re.findall(r"!\[[^]]+\]\(assets/dashboard/([^)]+)\)", page.read_text())
    }
    assert shown == set(sizes)
