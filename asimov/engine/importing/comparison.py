"""Find settings of imported analyses that differ here from those in the original project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asimov.engine.importing.incoming import Incoming
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.contents import Contents, Entry
from asimov.ledger.layout import project_analysis_file, subject_file
from asimov.settings.merging import leaves

#: The value of a setting that is not there.
NOTHING = "(not set)"


@dataclass(frozen=True)
class Difference:
    """A setting of an analysis that has another value here.

    Attributes
    ----------
    setting
        Its path, such as ``sampler: nlive``.
    there, here
        Both values; `NOTHING` where it is not set.
    """

    key: Key
    setting: str
    there: Any
    here: Any


def contents_of(incoming: Incoming) -> Contents:
    """Return the ledger that a project becomes."""
    contents = Contents(project=incoming.project, subjects=incoming.subjects)
    for name, document in incoming.subjects.items():
        for analysis in document.get("analyses") or ():
            key = Key(name, analysis["name"])
            contents.entries[key] = Entry(key, analysis, subject_file(name))
    for name, document in incoming.project_analyses.items():
        key = Key(PROJECT_ANALYSES, name)
        contents.entries[key] = Entry(key, document, project_analysis_file(name))
    return contents


def compare(incoming: Incoming, contents: Contents) -> list[Difference]:
    """Return every setting whose value changes, by analysis and path."""
    found = []
    for key, arrival in incoming.arrivals.items():
        if arrival.settings is None:
            continue
        there = _plain(arrival.settings)
        here = _plain(contents.settings(contents.entries[key], {}))
        for path in dict.fromkeys([*there, *here]):
            values = there.get(path, NOTHING), here.get(path, NOTHING)
            if values[0] != values[1]:
                found.append(Difference(key, ": ".join(map(str, path)), *values))
    return found


def _plain(settings: Mapping[str, Any]) -> dict[tuple[Any, ...], Any]:
    """Return settings by their paths; an empty mapping says nothing."""
    return {path: value for path, value in leaves(settings) if value != {}}
