"""Guess whether a package reads a setting that it does not declare, by searching its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from asimov.discovery import entrypoints

#: Files in which packages read no settings; code, templates and descriptions have many names.
_BINARY = frozenset(
    {".pyc", ".so", ".h5", ".hdf5", ".npy", ".npz", ".fits", ".png", ".jpg", ".pdf", ".gz", ".zip"}
)
_MOST_FILES, _MOST_BYTES = 3000, 1_000_000


def mentions(pipeline: str | None, name: str) -> bool:
    """Return whether the package of a pipeline seems to read a setting.

    It does where a file has the name in quotation marks, or after a dot.

    Parameters
    ----------
    pipeline
        The pipeline; None for all that are installed. Asimov's own are not looked at: they declare
        what they read.
    name
        The setting.
    """
    found = entrypoints.found(entrypoints.PIPELINES)
    points = found.values() if pipeline is None else filter(None, [found.get(pipeline)])
    packages = {point.value.partition(":")[0].partition(".")[0] for point in points} - {"asimov"}
    return any(_mentions(package, name) for package in sorted(packages))


@lru_cache(maxsize=1000)
def _mentions(package: str, name: str) -> bool:
    word = re.escape(name).encode()
    read = re.compile(rb"(?:[\"']" + word + rb"[\"'])|(?:\." + word + rb"\b)")
    return any(read.search(path.read_bytes()) for path in _files(package))


def _files(package: str) -> Iterator[Path]:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    roots = spec.submodule_search_locations
    paths = (each for root in roots for each in sorted(Path(root).rglob("*"))) if roots else ()
    single = [Path(spec.origin)] if not roots and spec.origin else []
    left = _MOST_FILES
    for path in [*single, *paths]:
        if path.suffix in _BINARY or not path.is_file():
            continue
        left -= 1
        if left < 0:
            return
        if path.stat().st_size <= _MOST_BYTES:
            yield path
