"""PlatiPy's algorithms: the functions that the project knows, under their registered names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.pipelines.function.catalogue import Found, every, sources
from asimov.pipelines.function.module_description import description_of


def algorithms(root: Path) -> list[dict[str, Any]]:
    """Return the name and the default settings of each.

    Parameters
    ----------
    root
        The project's folder.
    """
    return [
        {"name": name, "default_settings": each.defaults} for name, each in _by_name(root).items()
    ]


def algorithm(root: Path, name: str) -> Found | None:
    """Return the function of a name."""
    return _by_name(root).get(name)


def are_known(root: Path) -> bool:
    """Return whether it is known what each module registers now."""
    modules = dict.fromkeys(each.partition(":")[0] for each in sources(root))
    return all(description_of(each, root).is_current for each in modules)


def _by_name(root: Path) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for each in every(root):
        found.setdefault(each.name, each)
    return found
