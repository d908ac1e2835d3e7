"""Other names for the analyses of blueprints: a given one, or the next free number."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import checks, strategies
from asimov.ledger.blueprints import Blueprint
from asimov.ledger.documents import located
from asimov.text import listed

_ANALYSES = {"analysis", "projectanalysis"}
_NUMBER = re.compile(r"-(\d+)$")


def named(blueprints: Collection[Blueprint], name: str) -> list[Blueprint]:
    """Return blueprints whose only analysis has another name.

    Parameters
    ----------
    blueprints
        The blueprints; one of them is an analysis.
    name
        The name.

    Raises
    ------
    AsimovError
        If there is not exactly one analysis, or the name is not allowed.
    """
    found = [each for each in blueprints if each.kind in _ANALYSES]
    if len(found) != 1:
        names = listed(str(each.data["name"]) for each in found)
        raise AsimovError(
            f"--name needs exactly one analysis, but there are {len(found)}"
            + (names and f": {names}"),
            hint="name analyses of a subject's list in the blueprint",
        )
    (only,) = found
    new = replace(only, data={**only.data, "name": name})
    with located("--name"):
        for each in strategies.expand(new.data):
            checks.check_name(each["name"])
    return [new if each is only else each for each in blueprints]


def iterated(
    blueprints: Collection[Blueprint], taken: Collection[Key], subject: str | None
) -> list[Blueprint]:
    """Return blueprints whose analyses have names that are free: ``run`` becomes ``run-2``.

    What needs such an analysis in the same blueprints then needs it under its new name.

    Parameters
    ----------
    blueprints
        The blueprints.
    taken
        The analyses of the ledger.
    subject
        The subject of analyses that name none.
    """
    there = set(taken)
    renamed: dict[str | None, dict[str, str]] = {}
    made = []
    for each in blueprints:
        if each.kind in _ANALYSES:
            owner = _owner(each, subject)
            data = each.data
            while owner and there.intersection(_keys(owner, data)):
                data = {**data, "name": _next(data["name"])}
            there |= _keys(str(owner), data)
            if data is not each.data:
                renamed.setdefault(owner, {})[each.data["name"]] = data["name"]
            made.append(replace(each, data=data))
        else:
            made.append(each)
    return [_following(each, renamed.get(_owner(each, subject), {})) for each in made]


def _owner(blueprint: Blueprint, subject: str | None) -> str | None:
    if blueprint.kind == "projectanalysis":
        return PROJECT_ANALYSES
    found: str | None = blueprint.data.get("subject", blueprint.data.get("event", subject))
    return found


def _keys(owner: str, data: dict[str, Any]) -> set[Key]:
    """Return the analyses that a document stands for."""
    return {Key(owner, each["name"]) for each in strategies.expand(data)}


def _next(name: str) -> str:
    number = _NUMBER.search(name)
    return f"{name[: number.start()]}-{int(number[1]) + 1}" if number else f"{name}-2"


def _following(blueprint: Blueprint, renamed: dict[str, str]) -> Blueprint:
    """Return an analysis that needs others by their new names."""
    lists = {
        key: [_item(item, renamed) for item in blueprint.data[key]]
        for key in ("needs", "analyses")
        if blueprint.kind in _ANALYSES and blueprint.data.get(key)
    }
    return replace(blueprint, data={**blueprint.data, **lists}) if renamed and lists else blueprint


def _item(item: Any, renamed: dict[str, str]) -> Any:
    if isinstance(item, list):
        return [_item(each, renamed) for each in item]
    if isinstance(item, dict):
        return {key: renamed.get(v, v) if key == "name" else v for key, v in item.items()}
    return renamed.get(item, item)
