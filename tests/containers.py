"""What tests of real containers need: programs that run them, and the root folder of an image."""

from __future__ import annotations

import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
TOOL = TOP / "tools" / "containers"
EXAMPLE = TOP / "ledger-examples" / "container"


@cache
def programs() -> Path:
    """Return the folder with bubblewrap and Charliecloud; skip loudly without, fail where CI=true.

    Both are fetched once from Debian's archive.
    """
    for command in ("install", "available"):
        ran = subprocess.run([TOOL, command], capture_output=True, text=True, check=False)
        if ran.returncode:
            text = f"NO CONTAINERS, NOTHING OF THEM IS TESTED HERE ({ran.stderr.strip()})"
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(text, pytrace=False)
            pytest.skip(text)
    told = subprocess.run([TOOL, "env"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PATH=(.+):\$PATH", told)
    assert found
    return Path(found[1])


@pytest.fixture
def with_runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put bubblewrap and Charliecloud on PATH."""
    monkeypatch.setenv("PATH", f"{programs()}{os.pathsep}{os.environ['PATH']}")


@cache
def image() -> Path:
    """Return the root folder of the example's image, which is made once for all test runs.

    It is not in the folder of the tests, which jobs of some pools can't see.
    """
    sources = [*sorted(EXAMPLE.rglob("*.py")), TOP / "asimov" / "testing" / "image_root.py"]
    digest = hashlib.sha256(sys.version.encode() + sys.executable.encode())
    for path in sources:
        digest.update(path.read_bytes())
    folder = programs().parent.parent / f"image-{digest.hexdigest()[:12]}"
    if not folder.exists():
        # Another checkout has one of its own, and its tests may be running.
        for old in folder.parent.glob("image-*"):
            with suppress(FileNotFoundError):  # another process removes it, too
                if old.stat().st_mtime < time.time() - 86400:
                    shutil.rmtree(old, ignore_errors=True)
        make = runpy.run_path(str(EXAMPLE / "scripts" / "make_image.py"))["make_image"]
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as temporary:
            made = make(Path(temporary, "image"))
            try:
                made.rename(folder)
            except OSError:  # another process was faster
                assert folder.exists()
    return folder


def altered(folder: Path, commands: dict[str, str | None]) -> Path:
    """Return a copy of the image in which some commands are others, or missing.

    Parameters
    ----------
    folder
        Where to make it; it must not exist.
    commands
        Shell scripts by the names of commands; None removes a command.
    """
    shutil.copytree(image(), folder, symlinks=True, copy_function=_link)
    for name, script in commands.items():
        path = folder / "usr/local/bin" / name
        path.unlink(missing_ok=True)  # the file is a link to the original's
        if script is not None:
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
    return folder


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # it is on another disk
        shutil.copy2(source, target, follow_symlinks=False)


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder on a disk: containers share ``/dev``, and what of it is kept in memory."""
    made = Path(tempfile.mkdtemp(prefix="asimov-test-", dir="/tmp"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
