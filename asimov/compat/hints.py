"""Hints about what packages of asimov 0.5 to 0.8 miss, and what replaced its commands."""

from __future__ import annotations

import re

import click

from asimov.cli import NoSuchCommandError
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
        The error: of an import, of a read attribute, or of a command line.
    """
    if isinstance(error, click.ClickException):
        return _instead(error)
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        return "pip install 'asimov[compat]'" if missing in _NOT_REQUIRED else None
    message = str(error)
    found = _MISSING.search(message)
    if found and "Analysis" in message and found[1] in ATTRIBUTES:
        return f"an analysis has {found[1]!r} where its settings hold {MARKS}"
    return None


def _instead(error: click.ClickException) -> str | None:
    """Return what to use instead of a command or an option of the older program."""
    if isinstance(error, NoSuchCommandError):
        words = list(error.words)
    elif isinstance(error, click.NoSuchOption) and error.ctx is not None:
        words = [*_words(error.ctx), error.option_name]
    else:
        return None
    from asimov.compat.older_commands import INSTEAD

    gone = " ".join(words)
    return f"'asimov {gone}' was removed: {INSTEAD[gone]}" if gone in INSTEAD else None


def _words(ctx: click.Context) -> list[str]:
    """Return the names of a command and of the groups that it is in."""
    if ctx.parent is None:
        return []
    return [*_words(ctx.parent), str(ctx.info_name)]
