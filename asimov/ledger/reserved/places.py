"""Keys that have an effect at one level of the ledger only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from asimov.ledger.shapes import Fault

#: Where settings are written: in an analysis, its subject, the project's ``configuration``, or a
#: pipeline's section of that.
Level = Literal["analysis", "subject", "configuration", "section"]

#: Keys that have an effect at one level only: a value at another one would do nothing.
ONLY_IN: dict[str, tuple[Level, str]] = {
    "needs": ("analysis", "write it into each analysis that is to wait"),
    "pipelines": ("configuration", "write it into a document of the kind 'configuration'"),
    "hooks": ("configuration", "write it into a document of the kind 'configuration'"),
}
#: Where keys belong that may be settings of somebody's own elsewhere, but rarely are.
BELONGS = {
    "strategy": "an analysis of a blueprint",
    "pipeline": "an analysis",
    "subject": "an analysis",
    "event": "an analysis",
    "subjects": "a document of the kind 'projectanalysis'",
    "analyses": "a subject or an analysis",
    "productions": "a subject",
    "repository": "a subject",
}
_CALLED: dict[Level, str] = {
    "analysis": "an analysis",
    "subject": "a subject",
    "configuration": "the project's settings",
    "section": "the settings of a pipeline",
}


def without_effect(level: Level) -> frozenset[str]:
    """Return the keys that mean nothing at a level; they are not among its settings."""
    return frozenset(key for key, (only, _) in ONLY_IN.items() if only != level)


def misplaced(settings: Mapping[str, Any], level: Level) -> tuple[Fault, str] | None:
    """Return the first key that means nothing at a level, and what to do about it."""
    for key in settings:
        if key in ONLY_IN and ONLY_IN[key][0] != level:
            return (f"has no effect in {_CALLED[level]}", [key]), ONLY_IN[key][1]
    return None
