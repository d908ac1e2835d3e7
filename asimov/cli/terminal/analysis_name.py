"""The argument that names one analysis: ``SUBJECT/NAME``, or ``SUBJECT NAME``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click


def analysis_argument(
    *more: str, required: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a click command the arguments ``subject`` and ``name``.

    Parameters
    ----------
    *more
        Names of optional arguments that may follow; None where they were left out.
    required
        Whether an analysis must be named; otherwise a subject alone, or nothing, will do.
    """
    metavar = " ".join(["SUBJECT/NAME" if required else "[SUBJECT[/NAME]]", *_metavars(more)])

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.argument("words", nargs=-1, metavar=metavar)
        @wraps(command)
        def with_name(*args: Any, words: tuple[str, ...], **kwargs: Any) -> Any:
            subject, name, rest = split(words)
            if required and (subject is None or name is None):
                raise click.UsageError("Missing argument 'SUBJECT/NAME'.")
            if len(rest) > len(more):
                extra = ", ".join(rest[len(more) :])
                raise click.UsageError(f"Got unexpected extra argument ({extra})")
            given = dict(zip(more, [*rest, *[None] * len(more)], strict=False))
            return command(*args, subject=subject, name=name, **given, **kwargs)

        return with_name

    return decorate


def split(words: tuple[str, ...]) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the subject, the analysis and what follows; None for what was not given.

    Examples
    --------
    >>> split(("s/a", "approved")), split(("s", "a")), split(("s",))
    (('s', 'a', ('approved',)), ('s', 'a', ()), ('s', None, ()))
    """
    if not words:
        return None, None, ()
    subject, slash, name = words[0].partition("/")
    if slash:
        return subject, name, words[1:]
    return subject, words[1] if len(words) > 1 else None, words[2:]


def _metavars(names: tuple[str, ...]) -> list[str]:
    return [f"[{name.upper()}]" for name in names]
