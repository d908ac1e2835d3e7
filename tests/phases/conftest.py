"""A copy of the synthetic phases that other processes can import, and a queue that keeps."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture
def synthetic(tmp_path, monkeypatch):
    """The module of synthetic phases, importable under its name in child processes too."""
    folder = tmp_path / "modules"
    folder.mkdir()
    # Blocks of shared memory are the whole machine's: no other test has those of this one.
    text = Path(__file__).with_name("synthetic.py").read_text()
    own = text.replace("asimov_test_block", f"asimov_test_block_{uuid4().hex}")
    (folder / "synthetic_phases.py").write_text(own)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    sys.modules.pop("synthetic_phases", None)
    yield importlib.import_module("synthetic_phases")
    sys.modules.pop("synthetic_phases", None)


@pytest.fixture
def calls(tmp_path):
    """Return what has been asked of synthetic phases, in order."""
    return lambda: (tmp_path / "calls").read_text().splitlines()


class Kept(list):
    """A queue that keeps its messages."""

    put = list.append


@pytest.fixture
def queue():
    return Kept()
