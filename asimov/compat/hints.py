"""Hints for errors in published packages: missing modules, missing gravitational-wave settings."""

from __future__ import annotations

import re

from asimov.compat.gravitational_waves.settings import ATTRIBUTES, MARKS

#: Modules that published packages import without requiring them: asimov 0.8 required the first, and
#: newer bindings of HTCondor have dropped the others. The extra `asimov[compat]` has them.
_NOT_REQUIRED = frozenset({"otter", "htcondor", "classad"})

_MISSING = re.compile(r"has no attribute '(\w+)'")


def hint(error: BaseException) -> str | None:
    """Return what to do about an error; None if nothing is known about it.

    Parameters
    ----------
    error
        The error: of an import, or of a read attribute.
    """
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        return "pip install 'asimov[compat]'" if missing in _NOT_REQUIRED else None
    message = str(error)
    found = _MISSING.search(message)
    if found and "Analysis" in message and found[1] in ATTRIBUTES:
        return f"an analysis has {found[1]!r} where its settings hold {MARKS}"
    return None
