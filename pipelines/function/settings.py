"""Check the settings of an analysis that calls a function, before anything is built."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from asimov.pipelines.command_settings import mode_fault, program, seed_faults
from asimov.pipelines.function import inputs
from asimov.pipelines.function.catalogue import (
    REFERENCE,
    Found,
    UnseenError,
    is_reference,
    named,
    referred,
)
from asimov.pipelines.setting_names import SETTINGS

from asimov.errors import AsimovError
from asimov.functions.settings import no_mappings, other_types, unknown_keys
from asimov.ledger.reserved import NAMES
from asimov.pipeline.staging import MODES
from asimov.pipeline.stated_schemas import output_faults
from asimov.settings import Fault
from asimov.text import did_you_mean, quoted

#: Names that mean something by themselves, whatever a function's settings are called.
_OWN = {*SETTINGS["function"], *NAMES, "drawn seed"}


def faults(settings: Mapping[str, Any], registered: str | None, root: Path) -> Iterator[Fault]:
    """Yield every fault in the settings of an analysis.

    Parameters
    ----------
    settings
        The effective settings.
    registered
        The registered name if that is the analysis's pipeline; None if it has ``function``.
    root
        The project's folder.
    """
    if (mode := settings.get("files", "auto")) not in MODES:
        yield mode_fault(mode)
    yield from seed_faults(settings)
    if not isinstance(defaults := settings.get("defaults", True), bool):
        yield Fault(("defaults",), f"should be true or false, not {quoted(defaults)}", final=True)
    given = settings.get("settings")
    if given is not None and not isinstance(given, Mapping):
        yield Fault(("settings",), "should be a mapping", final=True)
        given = None
    yield from _mapping_of_texts(settings, "outputs", "of assets to patterns of files")
    yield from _mapping_of_texts(settings, "environment", "of variables")
    yield from inputs.faults(settings.get("inputs"), root)
    yield from _function(settings, registered, root, given or {})


def python_of(settings: Mapping[str, Any], root: Path) -> str | None:
    """Return the absolute path of the Python that runs the job; None if it is not here."""
    own = settings.get("python")
    return program(str(own), root) if own else sys.executable


def function_of(settings: Mapping[str, Any], registered: str | None, root: Path) -> Found:
    """Return the function that an analysis calls.

    Raises
    ------
    AsimovError
        If there is none, or the Python that runs the job is not on this machine.
    """
    python = python_of(settings, root)
    if registered is None:
        if python is None:
            raise AsimovError(f"python: {settings['python']!r} is neither on PATH nor a file here")
        return referred(str(settings.get("function")), root, python)
    found = named(registered, root)
    if found is None:
        raise AsimovError(f"no module registers a function {registered!r} any more")
    if python is None or not settings.get("python"):
        return found
    return referred(f"{found.module}:{found.name}", root, python)


def _function(
    settings: Mapping[str, Any], registered: str | None, root: Path, given: Mapping[str, Any]
) -> Iterator[Fault]:
    path = "function" if registered is None else "pipeline"
    if registered is None and (fault := _reference_fault(settings.get("function"), root)):
        yield fault
        return
    if not isinstance(settings.get("python") or "", str):
        why = f"should be the path of a Python, not {quoted(settings['python'])}"
        yield Fault(("python",), why, final=True)
        return
    if python_of(settings, root) is None:
        if settings.get("files") != "transfer":
            own = settings["python"]
            yield Fault(("python",), f"{own!r} is neither on PATH nor a file of the project")
        return  # the job checks its settings itself
    try:
        found = function_of(settings, registered, root)
    except UnseenError:
        return  # a command that acts checks them
    except AsimovError as error:
        yield Fault((path,), error.message, error.hint)
        return
    if not found.is_current or settings.get("defaults") is False:
        return
    yield from _function_settings(found, settings, given)


def _function_settings(
    found: Found, settings: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield what is wrong with the settings that a function is given."""
    for keys in no_mappings(found.defaults, given):
        why = "should be a mapping, as it is by default"
        yield Fault(("settings", *keys), why, final=True)
    for keys, wanted in other_types(found.defaults, given):
        yield Fault(
            ("settings", *keys),
            f"is {wanted} by default, but not here",
            _typed(given, keys),
            likely=True,
        )
    for key in found.defaults if isinstance(found.defaults, Mapping) else ():
        if key in settings and key not in given and key not in _OWN:
            why = f"is a setting of {found.name!r}, which reads none that stands here"
            yield Fault((str(key),), why, f"write 'settings: {{{key}: ...}}'", likely=True)
    for keys in unknown_keys(found.defaults, given):
        there: Any = found.defaults
        for key in keys[:-1]:
            there = there[key]
        near = did_you_mean(keys[-1], there)
        yield Fault(
            ("settings", *keys),
            f"{found.name!r} has no such setting{near}",
            f"its settings are {', '.join(map(str, there))}",
            final=True,
        )


def _typed(given: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return a hint about text that looks like a value of another type."""
    value: Any = given
    for key in keys:
        value = next(each for name, each in value.items() if str(name) == key)
    if not isinstance(value, str):
        return None
    with suppress(ValueError):
        float(value)
        return "write a number without quotes, with a point and a sign in its exponent: 1.0e-3"
    return "write true and false without quotes" if value.lower() in {"true", "false"} else None


def _reference_fault(given: Any, root: Path) -> Fault | None:
    """Return what is wrong with the setting ``function`` as it is written."""
    if given is None or given == "":
        why = "is missing: it names the function as 'module:name'"
        return Fault(("function",), why, final=True)
    if not isinstance(given, str) or not is_reference(given):
        why = f"should be 'module:name', not {quoted(given)}"
        return Fault(("function",), why, REFERENCE, final=True)
    if meant := _module_of_file(given, root):
        why = f"names a file, but should name a module; did you mean {meant!r}?"
        return Fault(("function",), why, REFERENCE, final=True)
    return None


def _module_of_file(reference: str, root: Path) -> str | None:
    """Return what is meant by ``service.py:sort``: the module in place of its file."""
    file, _, name = (each.strip() for each in reference.partition(":"))
    if not file.endswith(".py") or not (root / file).is_file():
        return None
    return f"{file.removesuffix('.py').replace('/', '.')}:{name}"


def _mapping_of_texts(settings: Mapping[str, Any], name: str, what: str) -> Iterator[Fault]:
    value = settings.get(name)
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield Fault((name,), f"should be a mapping {what}", final=True)
        return
    for key, each in value.items():
        if name == "outputs" and isinstance(each, Mapping):
            yield from output_faults(each, (name, str(key)))
            each = each.get("path", "")  # noqa: PLW2901
        if name == "outputs" and {"", "..", "/"} & {*PurePath(str(each)).parts, str(each)}:
            why = (
                f"{quoted(each)} is not a pattern of files in the folder that the function works in"
            )
            yield Fault((name, str(key)), why, final=True)
        elif (
            isinstance(each, (Mapping, list))
            or each is None
            or (name == "outputs" and not isinstance(each, str))
        ):
            yield Fault((name, str(key)), f"should be text, not {quoted(each)}", final=True)
