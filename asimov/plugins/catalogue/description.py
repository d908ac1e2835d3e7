"""Describe a loaded plugin from its class: settings, inputs, outputs, template, methods."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.functions.modules import load
from asimov.pipeline import Pipeline
from asimov.pipeline.assets import Asset
from asimov.project.config_file import find_template
from asimov.rendering.dialects import dialect_of_text
from asimov.settings import lookup as declared
from asimov.settings.validation import rows

_KINDS = ("simple", "subject", "project")


def describe_plugin(group: str, name: str, loaded: Any) -> dict[str, Any]:
    """Describe a plugin; a part that raises holds the error instead.

    Parameters
    ----------
    group
        The entry-point group.
    name
        The entry point's name.
    loaded
        The object that it names.
    """
    described: dict[str, Any] = {
        "class": _class_of(loaded),
        "documentation": _documentation(loaded),
    }
    if group == entrypoints.PIPELINES:
        described["analyses"] = _guarded(_kind_of, loaded)
        described["template"] = _guarded(_template_of, loaded)
        described["inputs"] = _guarded(_assets, loaded, "inputs", "required_inputs")
        described["outputs"] = _guarded(_assets, loaded, "outputs", "available_outputs")
        described["methods"] = _guarded(_overridden, loaded)
        described["settings"] = _guarded(_settings_of, name, loaded)
    elif group == entrypoints.SETTINGS:
        described["settings"] = _guarded(_rows, loaded)
    elif group == entrypoints.FUNCTIONS:
        described["registers"] = _guarded(_registered, loaded)
    return described


def _guarded(ask: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return ask(*arguments)
    except (Exception, SystemExit) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _registered(loaded: Any) -> list[str]:
    """Return the functions that a module registers, with their settings."""
    module = loaded.__name__ if inspect.ismodule(loaded) else loaded.__module__
    return [
        f"{name}: {', '.join(map(str, each.default_settings or ())) or 'no settings'}"
        for name, (each, _) in load(module).items()
        if inspect.ismodule(loaded) or each.function is loaded
    ]


def _class_of(loaded: Any) -> str:
    if inspect.ismodule(loaded):
        return loaded.__name__
    owner = loaded if hasattr(loaded, "__qualname__") else type(loaded)
    return f"{owner.__module__}:{owner.__qualname__}"


def _documentation(loaded: Any) -> str | None:
    """Return the plugin's own docstring, not one that it inherits."""
    own = vars(loaded).get("__doc__") if isinstance(loaded, type) else loaded.__doc__
    return inspect.cleandoc(own) if isinstance(own, str) and own.strip() else None


def _kind_of(pipeline: type) -> str | None:
    kind = getattr(pipeline, "kind", None)
    return kind if kind in _KINDS else None


def _template_of(pipeline: type) -> dict[str, Any] | None:
    """Return the path of the template, whether it exists, and its dialect.

    A template that is a property or set in ``__init__`` may depend on the analysis: a property is
    read from an object that is not initialised, which most can handle.
    """
    template = inspect.getattr_static(pipeline, "config_template", None)
    if isinstance(template, property):
        try:
            template = template.__get__(object.__new__(pipeline), pipeline)
        except Exception:
            return {"depends": True}
    if template is None:
        # Some set it in __init__.
        made = inspect.getattr_static(pipeline, "__init__", None)
        names = getattr(getattr(made, "__code__", None), "co_names", ())
        return {"depends": True} if "config_template" in names else None
    from importlib.resources import files

    try:
        path = find_template(str(template), [Path(str(files("asimov.templates")))])
    except AsimovError:
        return {"path": str(template), "exists": False}
    return {"path": str(path), "exists": True, "dialect": _dialect(path)}


def _dialect(path: Path) -> str:
    return dialect_of_text(path.read_text(errors="replace"))


def _assets(pipeline: type, declared: str, named: str) -> list[dict[str, Any]]:
    """Return the declared assets, or those with a name only."""
    found = [each for each in getattr(pipeline, declared, ()) if isinstance(each, Asset)]
    names = getattr(pipeline, named, ())
    if not found and isinstance(names, (list, tuple)):
        found = [Asset(str(each)) for each in names]
    return [_asset(each) for each in found]


def _asset(asset: Asset) -> dict[str, Any]:
    # Not the schema as an object: a function may belong to it.
    plain = {
        each.name: getattr(asset, each.name)
        for each in dataclasses.fields(asset)
        if each.name not in {"schema", "of", "every"}
    }
    return plain if asset.schema is None else {**plain, "schema": str(asset.schema)}


def _overridden(pipeline: type) -> list[str]:
    """Return the names of the base class's methods that the pipeline overrides."""
    methods = [
        name
        for name, there in vars(Pipeline).items()
        if not name.startswith("_") and (callable(there) or hasattr(there, "__get__"))
    ]
    return [
        name
        for name in ["__init__", *methods]
        if inspect.getattr_static(pipeline, name, None)
        not in (inspect.getattr_static(Pipeline, name), None)
    ]


def _settings_of(name: str, pipeline: type) -> list[dict[str, Any]]:
    """Return the declared settings: the published class takes precedence over the pipeline's."""
    return _rows(
        declared.published(name)
        or declared.of_class(pipeline)
        or getattr(pipeline, "settings", None)
        or ()
    )


def _rows(settings: Any) -> list[dict[str, Any]]:
    """Return the settings that a class declares, or those that are only named."""
    if isinstance(settings, type):
        return [row._asdict() for row in rows(settings)]
    return [
        {"setting": name, **({"description": what} if what else {})}
        for name, what in declared.described(settings).items()
    ]
