"""Projects that the real program made; see tests/published/old_project.py."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def old(tmp_path: Path) -> Callable[[str], Path]:
    """Unpack the project of an engine: ``old("sqlite")``."""

    def unpack(engine: str) -> Path:
        folder = tmp_path / engine
        with tarfile.open(HERE / f"{engine}.tar.gz") as pack:
            pack.extractall(folder, filter="fully_trusted")
        return folder / "old"

    return unpack
