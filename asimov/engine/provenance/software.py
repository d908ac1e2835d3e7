"""Versions of software: a pipeline's package, and what is installed beside a program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec

from asimov.discovery import entrypoints
from asimov.engine.provenance.interpreters import is_python

_INFO = (".dist-info", ".egg-info")
#: Folders of the system, whose packages say nothing of programs that are not in Python.
_SYSTEM = ("/", "/usr", "/usr/local")


class Software(msgspec.Struct):
    """An environment of Python or conda packages.

    Attributes
    ----------
    prefix
        Its folder.
    packages
        ``name==version`` of every package, sorted.
    """

    prefix: str
    packages: list[str]


def software_of(program: str) -> Software | None:
    """Return the environment whose ``bin`` folder has a program; None if it is in none.

    A link in a virtual environment counts as that environment's, wherever it leads.
    """
    folder, name = os.path.split(program)
    prefix, last = os.path.split(folder)
    if last != "bin" or (prefix in _SYSTEM and not is_python(name)):
        return None
    return environment(prefix)


def environment(prefix: str) -> Software | None:
    """Return the environment in a folder; None if there is none."""
    stamps = _stamps(prefix)
    return Software(prefix, _packages(stamps)) if stamps else None


def state_of(prefix: str) -> tuple[str, float]:
    """Return what changes with each installation in an environment, and when it last did.

    Returns
    -------
    tuple
        The state, which is empty if there is no environment, and seconds since the epoch.
    """
    stamps = _stamps(prefix)
    state = " ".join(f"{folder}:{stamp}" for folder, stamp in stamps)
    return state, max((stamp for _, stamp in stamps), default=0) / 1e9


def _stamps(prefix: str) -> tuple[tuple[Path, int], ...]:
    # An installation adds or renames an entry of the folder.
    found = []
    for folder in _folders(Path(prefix)):
        with suppress(OSError):
            found.append((folder, folder.stat().st_mtime_ns))
    return tuple(found)


def _folders(prefix: Path) -> Iterator[Path]:
    """Yield the folders with the packages of an environment, those of Debian and Fedora included.

    A virtual environment may show those of the interpreter that it was made with.
    """
    for lib in ("lib", "lib64", "local/lib"):
        if not (prefix / lib).is_symlink():
            for kind in ("site-packages", "dist-packages"):
                yield from sorted((prefix / lib).glob(f"python3*/{kind}"))
    if (prefix / "conda-meta").is_dir():
        yield prefix / "conda-meta"
    with suppress(OSError, ValueError):
        lines = (prefix / "pyvenv.cfg").read_text(errors="replace").splitlines()
        parts = [line.partition("=") for line in lines]
        settings = {name.strip(): value.strip() for name, _, value in parts}
        home = Path(settings.get("home", ""))
        if settings.get("include-system-site-packages") == "true" and home.parent != prefix:
            yield from _folders(home.parent)


@lru_cache(maxsize=32)
def _packages(stamps: tuple[tuple[Path, int], ...]) -> list[str]:
    packages = set()
    for folder, _ in stamps:
        with suppress(OSError):
            for path in folder.iterdir():
                parts = path.stem.split("-")
                if path.suffix in _INFO and len(parts) >= 2:
                    packages.add(f"{parts[0].replace('_', '-').lower()}=={parts[1]}")
                elif path.suffix == ".json" and len(parts) >= 3:  # name-version-build of conda
                    packages.add(f"{'-'.join(parts[:-2])}=={parts[-2]}")
    return sorted(packages)


@lru_cache
def package_of(pipeline: str) -> str:
    """Return the package that publishes a pipeline, with its version."""
    point = entrypoints.find(entrypoints.PIPELINES, pipeline)
    package = getattr(point, "dist", None)
    if package is None:
        return ""
    metadata = package.metadata  # it is read again each time
    return f"{metadata['Name']}=={metadata['Version']}"
