"""Vocabularies: the names of settings that a package says its pipeline understands.

A package publishes one in the entry-point group ``asimov.vocabulary``, under its pipeline's name:
a mapping with ``terms``, the path of a YAML file that holds one, or a function that returns either.
A term may have ``aliases``, other names for it. The format is that of asimov 0.8; everything else
in it is documentation, and is not read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.plugins.calls import call_plugin
from asimov.plugins.crashes import Call
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace


def vocabulary_terms(
    workspace: Workspace, pipeline: str, warn: Callable[[str], None]
) -> tuple[str, ...]:
    """Return the names of settings in a pipeline's vocabulary; none if it has no usable one.

    Parameters
    ----------
    workspace
        The open project.
    pipeline
        The pipeline's name.
    warn
        Takes a line if the vocabulary can't be used.
    """
    if entrypoints.find(entrypoints.VOCABULARY, pipeline) is None:
        return ()
    call = Call.of_plugin(f"vocabulary {pipeline}", "import")
    try:
        with captured():
            found: tuple[str, ...] = call_plugin(workspace, call, lambda: names(pipeline))
    except AsimovError as error:
        warn(f"warning: the vocabulary of {pipeline!r} is not used: {error}")
        return ()
    return found


def names(pipeline: str) -> tuple[str, ...]:
    """Load a pipeline's vocabulary, and return the names of its top-level settings.

    Raises
    ------
    AsimovError
        Where the vocabulary can't be loaded, or has no terms.
    """
    data = _read(entrypoints.load(entrypoints.VOCABULARY, pipeline))
    named = data.get("terms") if isinstance(data, Mapping) else None
    if not isinstance(named, Mapping):
        raise AsimovError(
            f"the vocabulary of the pipeline {pipeline!r} has no 'terms'",
            hint="upgrade its package, or report this to its author: a vocabulary is a mapping "
            "with 'terms', a YAML file with one, or a function that returns one",
        )
    found = dict.fromkeys(str(name) for name in named)
    for term in named.values():
        aliases = term.get("aliases") if isinstance(term, Mapping) else None
        found.update(dict.fromkeys(str(each) for each in aliases or ()))
    return tuple(found)


def _read(vocabulary: Any) -> Any:
    if callable(vocabulary):
        vocabulary = vocabulary()
    if isinstance(vocabulary, (str, PathLike)):
        vocabulary = Path(vocabulary)
    if hasattr(vocabulary, "read_text"):  # a path, or a file inside a package
        import yaml

        return yaml.safe_load(vocabulary.read_text())
    return vocabulary
