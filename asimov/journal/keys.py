"""The key that identifies an analysis: its subject's name and its own."""

from __future__ import annotations

from typing import NamedTuple

#: Stands for the subject in the keys, paths and listings of project analyses.
PROJECT_ANALYSES = "project-analyses"


class Key(NamedTuple):
    """Identifies an analysis in its project.

    Parameters
    ----------
    subject
        The subject's name, or `PROJECT_ANALYSES`.
    name
        The analysis's name.

    Examples
    --------
    >>> str(Key("GW150914", "Prod0"))
    'GW150914/Prod0'
    >>> Key.of("GW150914/Prod0").name
    'Prod0'
    """

    subject: str
    name: str

    @classmethod
    def of(cls, text: str) -> Key:
        """Return the key that is written as ``SUBJECT/NAME``."""
        subject, _, name = text.partition("/")
        return cls(subject, name)

    def __str__(self) -> str:
        return f"{self.subject}/{self.name}"
