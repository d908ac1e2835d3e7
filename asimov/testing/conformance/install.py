"""Install a package from a folder temporarily, to check its pipelines.

The package goes into a virtual environment in a temporary folder, on top of this Python's packages.
Neither asimov's own environment nor the package's folder changes.
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

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.testing.conformance.cleanup import cleared
from asimov.text import nearest

#: Names that are never part of a package's sources.
_NOT_SOURCES = (".git", ".venv", "venv", "build", "*.egg-info", "__pycache__", ".tox", "dist")

#: Messages of pip if it can't download the build requirements of a package.
_NOT_FETCHED = ("No matching distribution", "Could not find a version", "ConnectionError")

#: Lines of pip without information about the cause.
_EMPTY = ("subprocess-exited-with-error", "metadata-generation-failed", "See above", "Encountered")


@dataclass(frozen=True)
class Installed:
    """A temporarily installed package.

    Attributes
    ----------
    python
        The interpreter of its environment.
    environment
        The environment variables that make its programs available.
    pipelines
        Its pipeline entry points.
    """

    python: str
    environment: dict[str, str]
    pipelines: list[EntryPoint]


@contextmanager
def installed(folder: Path) -> Iterator[Installed]:
    """Install the package from a folder within the block.

    Raises
    ------
    AsimovError
        If there is no package, pip can't install it, or it has no pipeline entry point.
    """
    if not any((folder / name).exists() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise AsimovError(
            "there is no package here: no pyproject.toml, setup.cfg or setup.py", where=folder
        )
    with cleared("asimov-install-") as top:
        # Copied, because a build leaves files next to the sources.
        _copy(folder, top / "source")
        made = top / "environment"
        venv.create(made, symlinks=True)
        python = made / "bin" / "python"
        inside = Path(sysconfig.get_path("purelib", vars={"base": str(made)}))
        # After the environment's own packages; `addsitedir` also finds editable packages.
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
    """Install a package with the build tools installed here; if that fails, let pip download some.

    The installed ones may be missing or too old; a new environment of Python 3.10 has no `wheel`.
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
            hint=f"install it with '{Path(sys.executable).name} -m pip install {folder}', then run "
            "'asimov plugins check NAME'",
        )


def _cause(said: str) -> str:
    """Return the most informative line of pip's error messages."""
    lines = [line.strip(" \u2502\u2570\u2500\u00d7>") for line in said.splitlines()]
    lines = [line for line in lines if line and not any(each in line for each in _EMPTY)]
    # Build tools end with the cause; pip's own last lines do not contain it.
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
            f"the package has no entry point in the group {entrypoints.PIPELINES}"
            + (f"; it has one in {near!r}" if near else ""),
            where=folder,
            hint="add one, as docs/pipelines.md shows",
        )
    return found
