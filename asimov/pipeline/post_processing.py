"""The methods that a package's post-processing must have (entry points `asimov.postprocessing`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class PostProcessing(Protocol):
    """What may follow an analysis once its job is complete.

    It is made from the analysis as its only argument, for pipelines that leave post-processing to
    the base class. Its name is a key of the setting ``postprocessing``.
    """

    def complete(self) -> bool:
        """Return whether everything it should make is there."""

    def products(self) -> Iterable[Path]:
        """Return the files for the results store, as far as they are there."""

    def clear(self) -> None:
        """Move what it made aside, so that it isn't mistaken for products of a later run."""
