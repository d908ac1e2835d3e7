"""What changes between two documents of the ledger, key by key, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from asimov import text

#: The most of a value that a line shows, in characters.
_LONGEST = 60
#: The most differences in one line.
_MOST = 3


class Missing:
    """Stands for the value of a key that a document does not have."""


MISSING = Missing()


class Difference(NamedTuple):
    """One key that two documents do not have with the same value.

    Attributes
    ----------
    path
        The keys that lead to it.
    before, after
        The values, or `MISSING`.
    """

    path: tuple[Any, ...]
    before: Any
    after: Any

    @property
    def name(self) -> str:
        """The keys, joined."""
        return ": ".join(map(str, self.path))

    def __str__(self) -> str:
        if self.before is MISSING:
            return f"{self.name}: {_shown(self.after)} (added)"
        if self.after is MISSING:
            return f"{self.name}: {_shown(self.before)} (removed)"
        return f"{self.name}: {_shown(self.before)} -> {_shown(self.after)}"


def differences(
    before: Mapping[Any, Any], after: Mapping[Any, Any], above: tuple[Any, ...] = ()
) -> Iterator[Difference]:
    """Yield the differences of two documents; what is inside of mappings key by key.

    Parameters
    ----------
    before, after
        The documents. Analyses in the document of a subject are not looked at.
    above
        The keys that lead to them.
    """
    for key in [*before, *(each for each in after if each not in before)]:
        path = (*above, key)
        if path == ("analyses",) and _of_subject(before, after):
            continue
        one, other = before.get(key, MISSING), after.get(key, MISSING)
        inside, inside_other = _inside(one), _inside(other)
        if inside is not None and inside_other is not None:
            yield from differences(inside, inside_other, path)
        elif one != other or type(one) is not type(other):
            yield Difference(path, one, other)


def summary(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> str:
    """Return the first differences of two documents in one line, and how many more there are."""
    found = list(differences(before, after))
    more = f", and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(map(str, found[:_MOST])) + more


def _inside(value: Any) -> Mapping[Any, Any] | None:
    """Return a mapping with content, an empty one for what is missing, or None."""
    if value is MISSING:
        return {}
    return value if isinstance(value, Mapping) and value else None


def _of_subject(*documents: Mapping[Any, Any]) -> bool:
    return not any("pipeline" in each for each in documents)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return text.short(text.line(str(value)), _LONGEST)
