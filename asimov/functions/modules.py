"""Import a module of functions, and list what it registers and which files it consists of."""

from __future__ import annotations

import importlib
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asimov.functions.registry import Algorithm, DataObject, app

#: Where modules written for the published framework import their register from.
PUBLISHED = "platipy.backend"


class CallError(Exception):
    """The call can't be made, or its answer is not what the contract says."""


def load(module: str) -> dict[str, tuple[Algorithm, type]]:
    """Import a module; return what it registers by name, each with its class of data objects.

    Raises
    ------
    CallError
        If the module does not exist. Whatever else it raises passes.
    """
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise CallError(f"there is no module {error.name!r}") from None
        if error.name == PUBLISHED.partition(".")[0]:
            instead = "import its names from asimov.functions instead"
            raise CallError(f"{PUBLISHED} is not installed: {instead}") from None
        raise
    found: dict[str, tuple[Algorithm, type]] = {}
    published = sys.modules.get(PUBLISHED)
    if published is not None:
        for each in published.app.algorithms.values():
            found[each.name] = (each, published.DataObject)
    found.update({name: (each, DataObject) for name, each in app.algorithms.items()})
    return found


def chosen(names: Mapping[str, str], wanted: str) -> str | None:
    """Return the registered name that is wanted, by itself or by the function's Python name.

    Parameters
    ----------
    names
        The Python names by registered name.
    wanted
        Either.
    """
    if wanted in names:
        return wanted
    return next((name for name, python in names.items() if python == wanted), None)


def describe(module: str, folders: Iterable[Path] = ()) -> dict[str, Any]:
    """Return what a module registers, and the files that it consists of.

    Parameters
    ----------
    module
        The module.
    folders
        Folders whose modules are not Python's own, even if a folder of Python's is around them.

    Returns
    -------
    dict
        ``functions``; ``files``, its own and those of all modules that it imports which are not in
        Python's own folders; ``parts``, the files and package folders among the latter.
    """
    before = set(sys.modules)
    functions = {
        name: {
            "python": python_name(each),
            "defined": str(getattr(each.function, "__module__", module)),
            "default_settings": each.default_settings,
        }
        for name, (each, _) in load(module).items()
    }
    outside = list(_outside(set(sys.modules) - before, folders))
    own = getattr(sys.modules[module], "__file__", None)
    return {
        "functions": functions,
        "files": sorted({*filter(None, [own]), *(file for _, file in outside)}),
        "parts": sorted({part for top, file in outside for part in _part(top, file)}),
    }


def python_name(algorithm: Any) -> str:
    """Return the name that a registered function has in its module."""
    return str(getattr(algorithm.function, "__name__", ""))


def inside(path: Path, folder: Path) -> bool:
    """Return whether a path is a folder itself, or in it; links are not followed."""
    return path == folder or folder in path.parents


def _outside(modules: Iterable[str], folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield each module's first name and file, for those that are not in Python's own folders."""
    own = {sys.prefix, sys.base_prefix, sys.exec_prefix, site.getusersitepackages()}
    is_own = {Path(each).resolve(): True for each in own}
    is_own.update({each.resolve(): False for each in folders})
    for name in modules:
        top = name.partition(".")[0]
        file = getattr(sys.modules.get(name), "__file__", None)
        if not file or top == "asimov":
            continue
        around = [each for each in is_own if inside(Path(file).resolve(), each)]
        # The innermost folder decides: an environment in a project, or a project in one.
        if not around or not is_own[max(around, key=lambda each: len(each.parts))]:
            yield top, str(Path(file).absolute())


def _part(top: str, file: str) -> list[str]:
    """Return the folders of a package, or the file of a module without one."""
    return [str(each) for each in getattr(sys.modules.get(top), "__path__", ())] or [file]
