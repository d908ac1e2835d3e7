"""The names that packages import from `asimov.labellers`: label analyses.

Needed by packages with entry points under ``asimov.labellers``. What runs them is
`asimov.plugins.labels`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from asimov.discovery import entrypoints
from asimov.plugins.registry import register, registered


class Labeller(ABC):
    """Gives analyses labels, by which others select them.

    The monitor asks in each pass about what is under way or has changed its state.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name, one of its own."""

    @abstractmethod
    def label(self, analysis: Any, context: Any = None) -> dict[str, Any] | None:
        """Return labels by their names: true, a number or text.

        Parameters
        ----------
        analysis
            The analysis.
        context
            What else the monitor knows; see `asimov.plugins.context.Context`.
        """

    def should_label(self, analysis: Any, context: Any = None) -> bool:
        """Return whether to label an analysis at all."""
        return True


def register_labeller(labeller: Labeller) -> None:
    """Register a labeller in this process, without an entry point.

    Raises
    ------
    TypeError
        Where it is no `Labeller`.
    """
    if not isinstance(labeller, Labeller):
        raise TypeError(f"{labeller!r} is not a Labeller")
    register(entrypoints.LABELLERS, labeller.name, labeller)


def get_labellers() -> dict[str, Any]:
    """Return what was registered, by name."""
    return registered(entrypoints.LABELLERS)
