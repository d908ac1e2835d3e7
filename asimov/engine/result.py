"""What a command did to many analyses."""

from __future__ import annotations

from dataclasses import dataclass, field

from asimov.errors import AsimovError
from asimov.keys import Key


@dataclass
class Result:
    """What was done, and what was not.

    Attributes
    ----------
    done
        The analyses that were built or submitted.
    unchanged
        Those for which nothing was to be done.
    waiting
        Those that wait, and for what.
    deferred
        Those among the waiting ones that wait for a limit only.
    unbuilt
        Those among the waiting ones that have to be built before they can be submitted.
    failed
        Those that could not be, and why.
    """

    done: list[Key] = field(default_factory=list)
    unchanged: list[Key] = field(default_factory=list)
    waiting: dict[Key, list[str]] = field(default_factory=dict)
    deferred: list[Key] = field(default_factory=list)
    unbuilt: list[Key] = field(default_factory=list)
    failed: dict[Key, AsimovError] = field(default_factory=dict)
