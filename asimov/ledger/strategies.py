"""Strategies: one blueprint that stands for an analysis at each point of a grid of settings."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from asimov.errors import AsimovError
from asimov.mappings import copied
from asimov.text import listed, quoted

_FIELD = re.compile(r"\{([^{}]+)\}")
#: What tells an analysis from others, and can't be one of its settings.
_FIXED = {"kind", "name", "event", "subject", "strategy"}
#: A grid is soon larger than its author thought: so many analyses may one strategy make ...
_LARGEST = 10_000
#: ... which together may hold so many values and characters.
_VALUES, _CHARACTERS = 150_000, 5_000_000


def expand(analysis: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the analyses that a document with a ``strategy`` stands for; without one, itself.

    Parameters
    ----------
    analysis
        The document. ``strategy`` maps dotted paths of settings to lists of values, and
        ``{dotted.path}`` in the name is filled in.

    Raises
    ------
    AsimovError
        Where the name does not tell the analyses apart, or names a path that is not varied.
    """
    strategy = analysis.get("strategy")
    if not strategy:
        return [{key: value for key, value in analysis.items() if key != "strategy"}]
    for path, values in strategy.items():
        if not all(path.split(".")) or path.split(".")[0] in _FIXED:
            raise AsimovError(f"a strategy can't vary {path!r}", hint="it varies settings")
        if not values:
            raise AsimovError(f"the strategy has no values for {path!r}")
    count = math.prod(len(values) for values in strategy.values())
    if count > _LARGEST:
        raise AsimovError(
            f"the strategy makes {quoted(count)} analyses, more than {_LARGEST}",
            hint="make several blueprints of it, or fewer values",
        )
    values, characters = _weight(analysis)
    longest = [max(_weight(each)[1] for each in values) for values in strategy.values()]
    named = sum(
        length * analysis["name"].count(f"{{{path}}}")
        for path, length in zip(strategy, longest, strict=True)
    )
    if count * values > _VALUES or count * (characters + named) > _CHARACTERS:
        raise AsimovError(
            f"the strategy makes {count} analyses that hold over {_VALUES} values or "
            f"{_CHARACTERS} characters together",
            hint="put what they have in common into the subject, or into a 'configuration'",
        )
    missing = set(_FIELD.findall(analysis["name"])) - set(strategy)
    if missing:
        raise AsimovError(
            f"the name has {{{sorted(missing)[0]}}}, which the strategy does not vary",
            hint=f"it varies {listed(strategy)}",
        )
    made = []
    for values in itertools.product(*strategy.values()):
        point = dict(zip(strategy, values, strict=True))
        one = {key: copied(value) for key, value in analysis.items() if key != "strategy"}
        for path, value in point.items():
            one["name"] = one["name"].replace(f"{{{path}}}", _as_text(value))
            _set(one, path.split("."), value)
        made.append(one)
    if len({one["name"] for one in made}) != len(made):
        raise AsimovError(
            "the name is the same for several values of the strategy",
            hint="put a field for each path into it: "
            + analysis["name"]
            + "".join(f"-{{{path}}}" for path in strategy if f"{{{path}}}" not in analysis["name"]),
        )
    return made


def _weight(value: Any) -> tuple[int, int]:
    """Return how many values there are in one, and how many characters."""
    if not isinstance(value, (dict, list)):
        return 1, len(value) if isinstance(value, str) else 8
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    weights = [_weight(each) for each in inside]
    return 1 + sum(each[0] for each in weights), sum(each[1] for each in weights)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)  # as YAML writes it


def _set(settings: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = settings.setdefault(key, {})
        if not isinstance(inner, dict):
            raise AsimovError(f"the strategy's path goes through {key!r}, which is no mapping")
        settings = inner
    settings[path[-1]] = copied(value)
