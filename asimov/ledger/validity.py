"""The settings ``outdated by``, ``rerun`` and ``reuse``: how results go out of date.

They are part of the ledger, so that reading the ledger refuses what could not be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from asimov.text import did_you_mean, joined, quoted

#: What may make a result out of date.
Kind = Literal["settings", "inputs", "code", "version"]
KINDS: tuple[Kind, ...] = ("settings", "inputs", "code", "version")
#: The names of the settings.
OUTDATED_BY = "outdated by"
RERUN = "rerun"
REUSE = "reuse"
#: The values of ``rerun``: an out-of-date analysis runs again when a person asks, or by itself.
ON_REQUEST, AUTOMATIC = RERUNS = ("on request", "automatic")

#: What is wrong, and the path of keys to it.
Fault = tuple[str, list[str | int]]


def counted(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return what makes a result out of date, by the effective settings of its analysis."""
    chosen = settings.get(OUTDATED_BY)
    return frozenset(KINDS if chosen is None else chosen)


def is_automatic(settings: Mapping[str, Any]) -> bool:
    """Return whether an analysis runs again by itself once it is out of date."""
    return settings.get(RERUN) == AUTOMATIC


def is_reused(settings: Mapping[str, Any]) -> bool:
    """Return whether an analysis takes over stored products that it would only make again."""
    return settings.get(REUSE) is True


def fault(settings: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with these settings in a mapping, and where."""
    chosen = settings.get(OUTDATED_BY)
    if chosen is not None and not isinstance(chosen, list):
        return f"{OUTDATED_BY!r} should be a list of {', '.join(KINDS)}", [OUTDATED_BY]
    for number, each in enumerate(chosen or ()):
        if each not in KINDS:
            return (
                joined(
                    f"{quoted(each)} can't make a result out of date{did_you_mean(each, KINDS)}",
                    f"use {', '.join(KINDS)}",
                ),
                [OUTDATED_BY, number],
            )
    rerun = settings.get(RERUN)
    if rerun not in (None, *RERUNS):
        near = did_you_mean(rerun, RERUNS)
        return f"{RERUN!r} should be {ON_REQUEST!r} or {AUTOMATIC!r}, not {quoted(rerun)}{near}", [
            RERUN
        ]
    reuse = settings.get(REUSE)
    if reuse is not None and not isinstance(reuse, bool):
        return f"{REUSE!r} should be true or false, not {quoted(reuse)}", [REUSE]
    return None
