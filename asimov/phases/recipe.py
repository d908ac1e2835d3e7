"""Build the phases of an analysis: from class names in its settings, or from its script."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from asimov.errors import AsimovError
from asimov.phases.filling import Slip, fill
from asimov.phases.packed import load_script
from asimov.phases.pipeline import Pipeline
from asimov.text import did_you_mean, listed

#: What a pipeline has, whatever package its class is of.
_ATTRIBUTES = ("phases", "active", "workspace", "traces", "create_assets", "run")


class Made(NamedTuple):
    """Phases as described, and what is wrong with the description.

    Attributes
    ----------
    pipeline
        The pipeline; its phases are incomplete if there are slips.
    slips
        What is wrong, each with the keys that lead to it.
    traces
        The folder of data that a script's pipeline has; None if there is no script.
    """

    pipeline: Pipeline
    slips: list[Slip]
    traces: Path | None = None


def make(
    recipe: Mapping[str, Any], workspace: Path, traces: Path, located: Callable[[str], Path] = Path
) -> Made:
    """Return the pipeline that a recipe describes.

    Parameters
    ----------
    recipe
        ``phases``: a list of mappings with ``phase`` (``module:Class``), ``settings`` and
        ``active``. Or ``script``, its ``object`` (None for the only one), and ``active``: a
        mapping of names of phases.
    workspace, traces
        The folders of the pipeline.
    located
        Returns where a path of the settings lies.

    Raises
    ------
    AsimovError
        If a script can't be loaded or has no such pipeline.
    """
    if recipe.get("script"):
        return _of_script(recipe, workspace, traces)
    phases: list[Any] = []
    active: list[bool] = []
    slips: list[Slip] = []
    for number, each in enumerate(recipe["phases"]):
        here = (f"[{number}]",)
        try:
            kind = _imported(str(each["phase"]))
        except AsimovError as error:
            slips.append(Slip((*here, "phase"), str(error)))
            continue
        arguments, wrong = fill(kind, each.get("settings") or {}, located)
        slips += [Slip((*here, *slip.path), slip.message) for slip in wrong]
        if wrong:
            continue
        try:
            phases.append(kind(**arguments))
        except (Exception, SystemExit) as error:
            slips.append(Slip(here, f"{each['phase']} can't be created: {error!r}"))
            continue
        active.append(bool(each.get("active", True)))
    return Made(Pipeline(phases, active, workspace, traces), slips)


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise AsimovError(f"{name!r} should be module:Class")
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise AsimovError(f"the module {module} can't be imported: {error}") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = did_you_mean(part, vars(found))
            raise AsimovError(f"the module {module} has no {attribute}{near}")
        found = getattr(found, part)
    return found


def _of_script(recipe: Mapping[str, Any], workspace: Path, traces: Path) -> Made:
    path = Path(recipe["script"])
    module = load_script(path)
    found = {
        name: each
        for name, each in vars(module).items()
        if not isinstance(each, type) and all(hasattr(each, part) for part in _ATTRIBUTES)
    }
    name = recipe.get("object")
    if name is None and len(found) > 1:
        raise AsimovError(
            f"has several pipelines: {listed(found)}", where=path,
            hint=f"name one: 'script: {path.name}:{next(iter(found))}'",
        )  # fmt: skip
    if (name not in found) if name is not None else not found:
        called = f" called {name!r}" if name is not None else ""
        near = did_you_mean(name, found) if name is not None else ""
        raise AsimovError(
            f"has no pipeline{called} at the top of the module{near}",
            where=path,
            hint="a Pipeline that a function makes can't be found",
        )
    theirs = found[name] if name is not None else next(iter(found.values()))
    active = [bool(each) for each in theirs.active]
    names = [str(phase.name) for phase in theirs.phases]
    slips = []
    for phase, is_active in (recipe.get("active") or {}).items():
        if phase in names:
            active[names.index(phase)] = bool(is_active)
        else:
            slips.append(Slip((str(phase),), f"there is no such phase{did_you_mean(phase, names)}"))
    return Made(Pipeline(theirs.phases, active, workspace, traces), slips, Path(theirs.traces))


def code_of(pipeline: Pipeline, root: Path) -> list[str]:
    """Return the files and folders of Python code that a job needs.

    Parameters
    ----------
    pipeline
        Its phases' modules are among them if they are found by ``PYTHONPATH``, which jobs lack.
    root
        The project's folder: modules in it that were imported are relative to it.
    """
    found = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(root) and "site-packages" not in Path(file).parts:
            found.add(Path(file).relative_to(root).parts[0])
    tops = {type(phase).__module__.partition(".")[0] for phase in pipeline.phases}
    for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        for top in tops:
            file = getattr(sys.modules.get(top), "__file__", None)
            if folder and file and Path(file).is_relative_to(folder):
                found.add(str(Path(folder, Path(file).relative_to(folder).parts[0])))
    return sorted(found)
