"""Strategies: expand one blueprint into an analysis for each point of a grid of settings."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from asimov.errors import AsimovError
from asimov.settings.merging import copied
from asimov.text import listed, quoted

_FIELD = re.compile(r"\{([^{}]+)\}")
#: Keys that identify an analysis, which a strategy can't vary.
_FIXED = {"kind", "name", "event", "subject", "strategy"}
#: The most analyses that one strategy may make, since grids grow quickly ...
_LARGEST = 10_000
#: ... and the most values and characters in all of them.
_VALUES, _CHARACTERS = 150_000, 5_000_000


def expand(analysis: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the analyses that a document stands for: itself, unless it has a ``strategy``.

    Parameters
    ----------
    analysis
        The document. ``strategy`` maps dotted paths of settings to lists of values, and
        ``{dotted.path}`` in the name is replaced by the value.

    Raises
    ------
    AsimovError
        If the names of the analyses would not differ, or refer to a path that is not varied.
    """
    strategy = analysis.get("strategy")
    if not strategy:
        return [{key: value for key, value in analysis.items() if key != "strategy"}]
    for path, values in strategy.items():
        if not all(path.split(".")) or path.split(".")[0] in _FIXED:
            raise AsimovError(
                f"a strategy can't vary {path!r}", hint="a strategy can only vary settings"
            )
        if not values:
            raise AsimovError(f"the strategy has no values for {path!r}")
    count = math.prod(len(values) for values in strategy.values())
    if count > _LARGEST:
        raise AsimovError(
            f"the strategy makes {quoted(count)} analyses, more than the limit of {_LARGEST}",
            hint="split the blueprint, or use fewer values",
        )
    values, characters = _weight(analysis)
    longest = [max(_weight(each)[1] for each in values) for values in strategy.values()]
    named = sum(
        length * analysis["name"].count(f"{{{path}}}")
        for path, length in zip(strategy, longest, strict=True)
    )
    if count * values > _VALUES or count * (characters + named) > _CHARACTERS:
        raise AsimovError(
            f"the strategy makes {count} analyses with over {_VALUES} values or "
            f"{_CHARACTERS} characters in total",
            hint="move shared settings into the subject, or into a 'configuration'",
        )
    missing = set(_FIELD.findall(analysis["name"])) - set(strategy)
    if missing:
        raise AsimovError(
            f"the name contains {{{sorted(missing)[0]}}}, which the strategy does not vary",
            hint=f"it varies {listed(strategy)}",
        )
    made = []
    for values in itertools.product(*strategy.values()):
        point = dict(zip(strategy, map(copied, values), strict=True))
        one = {key: copied(value) for key, value in analysis.items() if key != "strategy"}
        for path, value in point.items():
            one["name"] = one["name"].replace(f"{{{path}}}", _as_text(value))
            _set(one, path.split("."), value)
        made.append(one)
    if len({one["name"] for one in made}) != len(made):
        raise AsimovError(
            "the strategy gives several analyses the same name",
            hint="add every setting that the strategy varies to the name: "
            + analysis["name"]
            + "".join(f"-{{{path}}}" for path in strategy if f"{{{path}}}" not in analysis["name"]),
        )
    return made


def _weight(value: Any) -> tuple[int, int]:
    """Return the number of values and of characters in a value."""
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
            raise AsimovError(
                f"the path of the strategy goes through {key!r}, which is not a mapping"
            )
        settings = inner
    settings[path[-1]] = value
