"""Assets that a pipeline declares: what it needs of other analyses, and what it makes."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    name: str
    format: str | None = None
    optional: bool = False
    description: str = ""
