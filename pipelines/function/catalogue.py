"""The functions of a project: found by registered name, or as ``module:name``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.pipelines.function.module_description import ModuleDescription, description_of

from asimov import configuration
from asimov.discovery import extensions
from asimov.discovery.entrypoints import FUNCTIONS
from asimov.errors import AsimovError
from asimov.functions.modules import chosen
from asimov.project import current
from asimov.text import did_you_mean, quoted

#: The option that names modules of the project.
OPTION = "functions/modules"
#: What to write for a module.
REFERENCE = "the module is service for a file service.py in the project's folder"


@dataclass(frozen=True)
class Found:
    """A registered function.

    Attributes
    ----------
    module, name
        Where it is registered, and under which name.
    defined
        The module and the Python name of the function itself.
    defaults
        Its default settings; None if it has none.
    parts
        The files and package folders that a job needs along.
    is_current
        Whether its module was looked at as it is now.
    """

    module: str
    name: str
    defined: tuple[str, str]
    defaults: Any
    parts: tuple[str, ...]
    is_current: bool = True

    def __str__(self) -> str:
        return f"{self.name!r} of {self.module}"


class UnseenError(AsimovError):
    """A module may register the function: it was not imported as it is now."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"it is not known what the module {module!r} registers now",
            hint="commands that only read import no modules; 'asimov apply --dry-run' does",
        )


def is_reference(text: str) -> bool:
    """Return whether a text has the form ``module:name``."""
    module, _, name = (each.strip() for each in text.partition(":"))
    return bool(name) and re.fullmatch(r"\w+(\.\w+)*", module) is not None


def referred(reference: str, root: Path, python: str = sys.executable) -> Found:
    """Return the function that ``module:name`` refers to.

    Parameters
    ----------
    reference
        The module and the name, either the registered one or that in Python.
    root
        The project's folder.
    python
        The absolute path of the Python that runs the job.

    Raises
    ------
    AsimovError
        If the module can't be imported, or registers no such function; `UnseenError` if that is
        not known.
    """
    if not is_reference(reference):
        raise AsimovError(f"should be 'module:name', not {quoted(reference)}", hint=REFERENCE)
    module, _, name = (each.strip() for each in reference.partition(":"))
    answer = description_of(module, root, python)
    if answer.error is not None:
        there = [each.stem for each in root.glob("*.py")]
        near = "" if module in there else did_you_mean(module, there)
        raise AsimovError(f"the module {module!r} can't be imported: {answer.error}{near}")
    names = {each: str(of["python"]) for each, of in answer.functions.items()}
    registered = chosen(names, name)
    if registered is None and not answer.is_current:
        raise UnseenError(module)
    if registered is None:
        near = did_you_mean(name, [*names, *names.values()])
        raise AsimovError(
            f"the module {module!r} registers no function {name!r}{near}",
            hint=f"it registers {', '.join(map(repr, names)) or 'nothing'}",
        )
    return _found(module, registered, answer)


def _found(module: str, name: str, answer: ModuleDescription) -> Found:
    function = answer.functions[name]
    defined = (str(function["defined"]), str(function["python"]))
    defaults, parts = function["default_settings"], tuple(answer.parts)
    return Found(module, name, defined, defaults, parts, answer.is_current)


def named(name: str, root: Path) -> Found | None:
    """Return the function registered under a name in the modules that a project knows.

    Parameters
    ----------
    name
        The registered name; its case does not matter.
    root
        The project's folder.

    Raises
    ------
    AsimovError
        If two modules register it; `UnseenError` if none is known to, and one may.
    """
    there = list(every(root))
    found = [each for each in there if each.name == name] or [
        each for each in there if each.name.lower() == name.lower()
    ]
    if len({each.defined for each in found}) > 1:
        raise AsimovError(
            f"two functions have the name {name!r}: {' and '.join(map(str, found[:2]))}",
            hint="use 'pipeline: function' with 'function: module:name'",
        )
    if not found:
        for module in _modules(root):
            if not description_of(module, root).is_current:
                raise UnseenError(module)
    return found[0] if found else None


def every(root: Path) -> Iterator[Found]:
    """Yield the functions of the entry points, and of the modules that the project names.

    Modules that can't be imported are passed over; `broken` lists them.
    """
    for reference in sources(root):
        module, _, attribute = reference.partition(":")
        answer = description_of(module, root)
        if answer.error is not None:
            continue
        for name, function in answer.functions.items():
            if attribute in {"", name, function["python"]}:
                yield _found(module, name, answer)


def sources(root: Path) -> list[str]:
    """Return the modules, or ``module:function``, that a project's functions come from."""
    published = [each.value.replace(" ", "") for each in extensions.points(FUNCTIONS)]
    opened = current.workspace()
    if opened is not None and opened.project.root == root:
        config = opened.project.config
    else:
        config = configuration.read(root)
    own = config.get(*OPTION.split("/"), fallback="")
    return list(dict.fromkeys([*published, *filter(None, re.split(r"[\s,]+", own))]))


def broken(root: Path) -> list[str]:
    """Return a line for each of these modules that can't be imported."""
    return [
        f"the module {each!r} can't be imported: {error}"
        for each in _modules(root)
        if (error := description_of(each, root).error) is not None
    ]


def _modules(root: Path) -> list[str]:
    return list(dict.fromkeys(each.partition(":")[0] for each in sources(root)))
