"""Where the analyses and subjects of some blueprints are, each of which may be there once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from asimov.errors import AsimovError, Place
from asimov.journal.keys import Key
from asimov.ledger.documents import Document


class Places:
    """The places in some blueprints.

    Attributes
    ----------
    subjects
        The documents of subjects, by their names.
    """

    def __init__(self) -> None:
        self.subjects: dict[str, Document] = {}
        self._analyses: dict[Key, tuple[Document, list[str | int]]] = {}

    @property
    def analyses(self) -> Collection[Key]:
        """The analyses, in the order in which they were added."""
        return self._analyses.keys()

    def add(self, key: Key, document: Document, path: list[str | int]) -> None:
        """Add an analysis that is at a path of a document.

        Raises
        ------
        AsimovError
            If it is there already.
        """
        if key in self._analyses:
            raise AsimovError(
                f"there are two analyses {key} (the first at {self.of(key, ['name'])})",
                where=document.place([*path, "name"]),
            )
        self._analyses[key] = document, path

    def written(self, key: Key) -> tuple[Document, list[str | int]]:
        """Return the document of an analysis, and the path to the analysis in it."""
        return self._analyses[key]

    def of(self, key: Key, steps: Sequence[str | int]) -> Place:
        """Return the place of a setting of an analysis, or of what encloses it.

        Parameters
        ----------
        key
            The analysis.
        steps
            The keys that lead to the setting.
        """
        document, path = self._analyses[key]
        return document.place([*path, *steps])
