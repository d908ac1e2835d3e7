"""A package that is not installed, installed for as long as it is checked.

It comes into a virtual environment of its own in a temporary folder, which sees all that this
Python sees: neither the environment that asimov runs in nor the package's folder is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

from asimov import entrypoints
from asimov.errors import AsimovError
from asimov.testing.conformance.cleanup import cleared
from asimov.text import nearest

#: What is never part of a package's sources.
_NOT_SOURCES = (".git", ".venv", "venv", "build", "*.egg-info", "__pycache__", ".tox", "dist")

#: What pip says where it can't fetch that with which a package is built.
_NOT_FETCHED = ("No matching distribution", "Could not find a version", "ConnectionError")

#: Lines of pip that only say that something went wrong, and where it says what.
_EMPTY = ("subprocess-exited-with-error", "metadata-generation-failed", "See above", "Encountered")


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
    with cleared("asimov-install-") as top:
        # A build leaves things beside the sources.
        _copy(folder, top / "source")
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


def _copy(folder: Path, into: Path) -> None:
    ignore = shutil.ignore_patterns(*_NOT_SOURCES)
    try:
        shutil.copytree(folder, into, ignore=ignore, ignore_dangling_symlinks=True)
    except shutil.Error as error:
        path, _, why = error.args[0][0]
        raise AsimovError(f"can't be read: {why}", where=path) from error
    except OSError as error:
        raise AsimovError(f"can't be copied: {error.strerror}", where=folder) from error


def _environment(made: Path) -> dict[str, str]:
    path = f"{made / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "VIRTUAL_ENV": str(made)}


def _pip(python: Path, source: Path, folder: Path) -> None:
    """Install a package with what builds it here; where that does not, pip fetches what does.

    What is here may be missing, too old, or without `wheel` as in new environments of Python 3.10.
    """
    done = _run_pip(python, source, "--no-build-isolation", "--no-index")
    if done.returncode:
        again = _run_pip(python, source, "--retries", "1", "--timeout", "10")
        if not again.returncode or not any(each in again.stderr for each in _NOT_FETCHED):
            done = again
    if done.returncode:
        raise AsimovError(
            f"can't be installed: {_cause(done.stderr)}",
            where=folder,
            hint=f"install it yourself ('{Path(sys.executable).name} -m pip install {folder}'), "
            "and check it by its name",
        )


def _cause(said: str) -> str:
    """Return the line of pip's that says most of what went wrong."""
    lines = [line.strip(" \u2502\u2570\u2500\u00d7>") for line in said.splitlines()]
    lines = [line for line in lines if line and not any(each in line for each in _EMPTY)]
    # What builds a package ends with what went wrong; pip's own last words tell nothing of it.
    errors = [line for line in lines if re.match(r"[\w.]*(error|Error|ERROR|Exception)\b:? ", line)]
    return (errors or lines or ["pip failed"])[-1]


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
        if point.group == entrypoints.PIPELINES
    ]
    if not found:
        groups = {
            point.group for each in distributions(path=[str(inside)]) for point in each.entry_points
        }
        near = nearest(entrypoints.PIPELINES, groups, 0.8)
        raise AsimovError(
            f"the package publishes no entry point of the group {entrypoints.PIPELINES}"
            + (f"; it has one of {near!r}" if near else ""),
            where=folder,
            hint="docs: writing a pipeline",
        )
    return found
