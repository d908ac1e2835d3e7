"""Assets that a pipeline declares: inputs from other analyses, and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.pipeline.schemas import Schema


@dataclass(frozen=True, slots=True)
class Asset:
    """One product, as a pipeline declares it.

    Parameters
    ----------
    name
        Its name among the assets of an analysis, such as ``psds``.
    format
        Of its file or files, for people: ``text``, ``hdf5``, ...
    optional
        Whether an analysis can do without it (of an input), or may not make it (of an output).
    description
        What it is.
    schema
        What its file or files look like; compared where an output feeds an input, and checked once
        the job has ended.
    of
        The analysis that an input comes from, as ``name`` or ``subject/name``; None for any.
    every
        Whether an input comes from every analysis that has it, and not only from the last one.
    """

    name: str
    format: str | None = None
    optional: bool = False
    description: str = ""
    schema: Schema | None = None
    of: str | None = None
    every: bool = False


def inputs_of(pipeline: Any, settings: Mapping[str, Any] | None = None) -> tuple[Asset, ...]:
    """Return the assets that an analysis with a pipeline needs.

    Parameters
    ----------
    pipeline
        The class, or an instance. What published packages have under that name and is of another
        shape declares nothing; so do their ``required_inputs``, which are for people.
    settings
        The analysis's settings; None for what the class itself declares. The pipeline's own code
        is called with them, which may raise anything.
    """
    return _declared(pipeline, "inputs", settings)


def outputs_of(pipeline: Any, settings: Mapping[str, Any] | None = None) -> tuple[Asset, ...]:
    """Return the assets that an analysis with a pipeline makes, as `inputs_of` does."""
    return _declared(pipeline, "outputs", settings)


def _declared(
    pipeline: Any, attribute: str, settings: Mapping[str, Any] | None
) -> tuple[Asset, ...]:
    kind = pipeline if isinstance(pipeline, type) else type(pipeline)
    declared = getattr(kind, attribute, ())
    by_settings = getattr(kind, f"{attribute}_with", None)
    if settings is not None and by_settings is not None:
        declared = by_settings(settings)
    if not isinstance(declared, (list, tuple)):
        return ()
    return tuple(each for each in declared if isinstance(each, Asset))


def paths_of(assets: object) -> list[Path]:
    """Return every path in a structure of assets."""
    if isinstance(assets, Mapping):
        return [path for value in assets.values() for path in paths_of(value)]
    if isinstance(assets, (list, tuple, set)):
        return [path for value in assets for path in paths_of(value)]
    return [Path(assets)] if isinstance(assets, (str, Path)) and str(assets) else []
