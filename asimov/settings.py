"""Settings that a pipeline declares: a dataclass, from which checks, defaults and docs come.

A field ``max_steps`` is the setting ``max steps``; a field without a default is required; a field
that is itself a dataclass is a mapping.
"""

from __future__ import annotations

from typing import Any

from msgspec import Meta


def Setting(description: str, **limits: Any) -> Meta:  # noqa: N802  (reads as a type in Annotated)
    """Describe a setting, for ``Annotated[int, Setting("How many steps.", ge=1)]``.

    Parameters
    ----------
    description
        What it is, with its unit.
    **limits
        ``ge``, ``gt``, ``le``, ``lt``, ``multiple_of``, ``pattern``, ``min_length``,
        ``max_length``, as of `msgspec.Meta`.
    """
    return Meta(description=description, **limits)
