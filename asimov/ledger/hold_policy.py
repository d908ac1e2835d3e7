"""The setting ``holds``: what to do about held jobs, with its defaults and its validation.

It is part of the ledger, so that reading the ledger refuses what the monitor could not follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from asimov.errors import AsimovError
from asimov.text import did_you_mean

#: The actions: release the job; request more and release it; leave it to a person.
ACTIONS = ("release", "raise", "stuck")
#: Classes of holds for which a request can be raised.
RAISED = ("memory", "disk")

_UNITS = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", re.IGNORECASE)


class Remedy(msgspec.Struct, frozen=True):
    """What to do about holds of one class.

    Attributes
    ----------
    action
        One of `ACTIONS`.
    times
        The most tries for each process.
    pause
        The delay after the hold, in seconds; it doubles each time.
    factor
        The factor by which a request is raised.
    up_to
        The largest request, in MB; None for four times the first request.
    """

    action: str
    times: int = 3
    pause: float = 0
    factor: float = 1.5
    up_to: float | None = None


#: The defaults, by class of holds.
DEFAULTS = {
    "transient": Remedy("release", pause=300),
    "memory": Remedy("raise"),
    "disk": Remedy("raise"),
    "input": Remedy("stuck"),
    "user": Remedy("stuck"),
    "permanent": Remedy("stuck"),
}
#: The default pause of classes that are not released by default.
_PAUSE = 300.0
_KEYS = ("action", "times", "pause", "factor", "up to")

#: What is wrong, and the path of keys to it.
Fault = tuple[str, list[str | int]]


def read(settings: object) -> dict[str, Remedy]:
    """Return what to do about each class of holds.

    Parameters
    ----------
    settings
        The effective setting ``holds`` of an analysis, or None.

    Raises
    ------
    AsimovError
        If it is invalid. The ledger's values were checked when they were read; those that a
        pipeline declares or writes were not.
    """
    wrong = fault(settings)
    if wrong:
        raise AsimovError(f"{': '.join(['holds', *map(str, wrong[1])])}: {wrong[0]}")
    given: Mapping[str, Any] = settings if isinstance(settings, Mapping) else {}
    return {name: _remedy(name, given.get(name)) for name in DEFAULTS}


def _remedy(name: str, given: Any) -> Remedy:
    default = DEFAULTS[name]
    if given is None:
        return default
    if isinstance(given, str):
        given = {"action": given}
    action = given.get("action", default.action)
    pause = default.pause if action == default.action else 0 if action == "raise" else _PAUSE
    return Remedy(
        action,
        given.get("times", default.times),
        given.get("pause", pause),
        given.get("factor", default.factor),
        megabytes(given["up to"]) if "up to" in given else None,
    )


def fault(settings: object) -> Fault | None:
    """Return what is wrong with the setting ``holds`` of one layer, or None."""
    if settings is None:
        return None
    if not isinstance(settings, Mapping):
        return "should be a mapping of classes of holds", []
    for name, given in settings.items():
        if name not in DEFAULTS:
            return f"{name!r} is not a class of holds{_near(name, DEFAULTS)}", [name]
        wrong = _fault_of(name, given)
        if wrong:
            return wrong[0], [name, *wrong[1]]
    return None


def _fault_of(name: str, given: Any) -> Fault | None:
    if given is None:
        return None
    if isinstance(given, str):
        wrong = _wrong_action(name, given)
        return (wrong, []) if wrong else None
    if not isinstance(given, Mapping):
        return "should be 'release', 'raise', 'stuck', or a mapping", []
    for key, value in given.items():
        if key not in _KEYS:
            return f"{key!r} is not a key of this mapping{_near(key, _KEYS)}", [key]
        wrong = _wrong_value(name, key, value)
        if wrong:
            return wrong, [key]
    return None


def _wrong_action(name: str, action: object) -> str | None:
    if action not in ACTIONS:
        return f"should be 'release', 'raise' or 'stuck', not {action!r}" + _near(action, ACTIONS)
    if action == "raise" and name not in RAISED:
        return "there is nothing to raise: only requests of 'memory' and 'disk' can be raised"
    return None


def _wrong_value(name: str, key: str, value: object) -> str | None:
    if key == "action":
        return _wrong_action(name, value)
    if key == "up to":
        if isinstance(value, str) and _SIZE.fullmatch(value.strip()):
            return None
        return f"should be a size such as '64 GB', not {value!r}"
    whole = isinstance(value, int) and not isinstance(value, bool)
    if key == "times":
        good, wanted = whole and 0 <= value <= 10_000, "a whole number from 0 to 10000"  # type: ignore[operator]
    else:
        number = value if whole or isinstance(value, float) else None
        least = 0 if key == "pause" else 1
        good = isinstance(number, (int, float)) and least <= number < float("inf")
        if key == "factor":
            good, wanted = good and number != 1, "a number above 1"
        else:
            wanted = "a number of seconds, at least 0"
    return None if good else f"should be {wanted}, not {value!r}"


def megabytes(size: str) -> float:
    """Return a size such as ``64 GB`` in MB, with units of 1024 as in HTCondor.

    >>> megabytes("64 GB"), megabytes("512M")
    (65536.0, 512.0)
    """
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        raise AsimovError(f"should be a size such as '64 GB', not {size!r}")
    return float(match[1]) * _UNITS[match[2].upper()]


def size_text(mb: float) -> str:
    """Format a size in MB for people.

    >>> size_text(65536), size_text(1536), size_text(0.5)
    ('64 GB', '1.5 GB', '0.5 MB')
    """
    for unit in ("T", "G"):
        if mb >= _UNITS[unit]:
            return f"{mb / _UNITS[unit]:.4g} {unit}B"
    return f"{mb:.4g} MB"


def _near(word: object, words: Any) -> str:
    return did_you_mean(word, words) or f"; there are {', '.join(words)}"
