"""A package that is not installed, installed for as long as it is checked.

It comes into a virtual environment of its own in a temporary folder, which sees all that this
Python sees: neither the environment that asimov runs in nor the package's folder is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

from asimov import plugins
from asimov.errors import AsimovError

#: What is never part of a package's sources.
_NOT_SOURCES = (".git", ".venv", "venv", "build", "*.egg-info", "__pycache__", ".tox", "dist")

#: What pip says where that with which a package is built is not installed.
_NO_BACKEND = ("BackendUnavailable", "Cannot import", "No module named")


@dataclass(frozen=True)
class Installed:
    """A package that is installed for a while.

    Attributes
    ----------
    python
        The interpreter of its environment.
    environment
        The variables with which its programs are found.
    pipelines
        Its entry points of pipelines.
    """

    python: str
    environment: dict[str, str]
    pipelines: list[EntryPoint]


@contextmanager
def installed(folder: Path) -> Iterator[Installed]:
    """Install the package of a folder within the block.

    Raises
    ------
    AsimovError
        Where there is no package, pip can't install it, or it publishes no pipeline.
    """
    if not any((folder / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise AsimovError(
            "there is no package here: no pyproject.toml, setup.cfg or setup.py", where=folder
        )
    top = Path(tempfile.mkdtemp(prefix="asimov-install-"))
    try:
        # A build leaves things beside the sources.
        shutil.copytree(folder, top / "source", ignore=shutil.ignore_patterns(*_NOT_SOURCES))
        made = top / "environment"
        venv.create(made, symlinks=True)
        python = made / "bin" / "python"
        inside = Path(sysconfig.get_path("purelib", vars={"base": str(made)}))
        # Behind what the environment has of its own; editable packages are known by .pth files.
        others = [path for path in sys.path if path and Path(path).is_dir()]
        lines = [f"import site; site.addsitedir({each!r})\n" for each in others]
        (inside / "_asimov_check.pth").write_text("".join(lines))
        _pip(python, top / "source", folder)
        yield Installed(str(python), _environment(made), _pipelines(inside, folder))
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _environment(made: Path) -> dict[str, str]:
    path = f"{made / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "VIRTUAL_ENV": str(made)}


def _pip(python: Path, source: Path, folder: Path) -> None:
    """Install a package with what builds it here; where that is not installed, pip fetches it."""
    done = _run_pip(python, source, "--no-build-isolation", "--no-index")
    if done.returncode and any(each in done.stderr for each in _NO_BACKEND):
        done = _run_pip(python, source, "--retries", "1", "--timeout", "10")
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "rror" in line] or lines or ["pip failed"]
        raise AsimovError(
            f"can't be installed: {errors[-1].strip()}",
            where=folder,
            hint=f"install it yourself ('{Path(sys.executable).name} -m pip install {folder}'), "
            "and check it by its name",
        )


def _run_pip(python: Path, source: Path, *options: str) -> subprocess.CompletedProcess[str]:
    usual = ["install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    return subprocess.run(
        [str(python), "-m", "pip", *usual, *options, str(source)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _pipelines(inside: Path, folder: Path) -> list[EntryPoint]:
    found = [
        point
        for each in distributions(path=[str(inside)])
        for point in each.entry_points
        if point.group == plugins.PIPELINES
    ]
    if not found:
        raise AsimovError(
            f"the package publishes no entry point of the group {plugins.PIPELINES}",
            where=folder,
            hint="docs: writing a pipeline",
        )
    return found
