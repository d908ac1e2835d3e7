"""Find the settings that a pipeline's class declares, in its source, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from asimov.discovery import entrypoints
from asimov.settings.validation import RESERVED


def reserved_names(pipeline: str) -> tuple[str, ...]:
    """Return the settings of a pipeline's class that are asimov's own keys: a build refuses them.

    Only what stands in one module is seen: a class, and in it ``settings = CLASS``.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    """
    point = entrypoints.find(entrypoints.PIPELINES, pipeline)
    if point is None:
        return ()
    module, _, name = point.value.partition(":")
    return tuple(each for each in _fields(module, name.strip()) if each in RESERVED)


@lru_cache(maxsize=200)
def _fields(module: str, name: str) -> tuple[str, ...]:
    path = _source(module.strip())
    try:
        tree = ast.parse(path.read_bytes() if path else b"")
    except (OSError, SyntaxError, ValueError):
        return ()
    classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    pipeline = classes.get(name)
    for statement in pipeline.body if pipeline else ():
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(each, ast.Name) and each.id == "settings" for each in targets):
            value = statement.value  # type: ignore[attr-defined]
            declared = classes.get(value.id) if isinstance(value, ast.Name) else None
            return tuple(_names(declared)) if declared else ()
    return ()


def _names(declared: ast.ClassDef) -> Iterator[str]:
    for statement in declared.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id.replace("_", " ").strip()


def _source(module: str) -> Path | None:
    """Return the file of a module; its package is found, and not imported."""
    top, *inner = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *inner)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None
