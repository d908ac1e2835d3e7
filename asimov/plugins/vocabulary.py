"""Vocabularies: the names of settings that a package says its pipeline understands.

A package publishes one under the entry-point group ``asimov.vocabulary``, by its pipeline's name:
a mapping with ``terms``, the path of a YAML file that holds one, or a function that returns either.
A term may have ``aliases``, other names that are understood as well. The format is that of
asimov 0.8; all else in it is for people, and is not read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from asimov import entrypoints
from asimov.errors import AsimovError


def terms(pipeline: str) -> tuple[str, ...]:
    """Return the names of the settings that a pipeline's vocabulary has, on their first level.

    The package is imported for it: see `asimov.plugins.terms`, which contains that.

    Parameters
    ----------
    pipeline
        The pipeline's name.

    Raises
    ------
    AsimovError
        Where the vocabulary can't be loaded, or is none.
    """
    if entrypoints.find(entrypoints.VOCABULARY, pipeline) is None:
        return ()
    data = _read(entrypoints.load(entrypoints.VOCABULARY, pipeline))
    named = data.get("terms") if isinstance(data, Mapping) else None
    if not isinstance(named, Mapping):
        raise AsimovError(
            f"the vocabulary of {pipeline!r} has no 'terms'",
            hint="it should be a mapping, the path of a YAML file, or a function that returns one",
        )
    names = dict.fromkeys(str(name) for name in named)
    for term in named.values():
        aliases = term.get("aliases") if isinstance(term, Mapping) else None
        names.update(dict.fromkeys(str(each) for each in aliases or ()))
    return tuple(names)


def _read(vocabulary: Any) -> Any:
    if callable(vocabulary):
        vocabulary = vocabulary()
    if isinstance(vocabulary, (str, PathLike)):
        vocabulary = Path(vocabulary)
    if hasattr(vocabulary, "read_text"):  # a path, or a file inside a package
        import yaml

        return yaml.safe_load(vocabulary.read_text())
    return vocabulary
