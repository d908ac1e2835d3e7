"""Versions of software: a pipeline's package, and what is installed beside a program."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec

from asimov.discovery import entrypoints

_INFO = (".dist-info", ".egg-info")


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
    prefix = Path(program).parent.parent
    folders = _folders(prefix)
    if Path(program).parent.name != "bin" or not folders:
        return None
    stamps = tuple((folder, _stamp(folder)) for folder in folders)
    return Software(str(prefix), _packages(stamps))


def _folders(prefix: Path) -> list[Path]:
    conda = prefix / "conda-meta"
    found = sorted(prefix.glob("lib/python3*/site-packages"))
    return [*found, conda] if conda.is_dir() else found


def _stamp(folder: Path) -> int:
    # An installation adds or renames an entry of the folder.
    return folder.stat().st_mtime_ns


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
    return f"{package.name}=={package.version}" if package is not None else ""
