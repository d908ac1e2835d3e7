"""Plan an analysis of the pipeline ``phases``: its phases, its runs, and each job's share."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from asimov import text
from asimov.errors import AsimovError
from asimov.phases.runs import dealt, numbers, ranges, size_of, trace_file
from asimov.project import current

#: How long the phases may take to be imported and made, in seconds.
_PATIENCE = 300


class Checked(msgspec.Struct):
    """What the worker's check says of phases; see `asimov.phases.worker.check`."""

    slips: list[tuple[list[str], str]]
    names: list[str]
    active: list[bool]
    assets: list[str]
    artifacts: list[str]
    files: list[str]
    code: list[str]
    traces: str | None = None


class Plan(msgspec.Struct):
    """What a build has decided; it is kept in the run directory.

    Attributes
    ----------
    recipe
        What the phases are made from.
    checked
        What is known of them.
    files
        The place of each file that the settings name, where jobs are submitted.
    traces
        The folder of the data.
    seed
        Of all runs.
    prefix
        Of the names of shared memory.
    shards
        For each shard the digest of each of its runs.
    """

    recipe: dict[str, Any]
    checked: Checked
    files: list[str]
    traces: str
    seed: int
    prefix: str
    shards: list[dict[int, str]]


def recipe_of(settings: Mapping[str, Any], root: Path, own: Sequence[Any] = ()) -> dict[str, Any]:
    """Return what phases are made from, as settings describe it.

    Parameters
    ----------
    settings
        The effective settings.
    root
        The project's folder.
    own
        The phases that a package's class has.

    Raises
    ------
    AsimovError
        If the settings have another shape.
    """
    script, phases = settings.get("script"), settings.get("phases")
    if script is not None:
        if own:
            raise AsimovError("script: this pipeline has phases of its own")
        return _of_script(str(script), phases, root)
    if own:
        return {"phases": _of_package(own, phases)}
    if not isinstance(phases, list) or not phases:
        raise AsimovError(
            "phases: should be a list of phases, in their order",
            hint="such as 'phases: [{phase: \"module:Class\", parameter: value}]'",
        )
    return {"phases": [_described(each, f"phases: [{n}]") for n, each in enumerate(phases)]}


def _described(given: Any, where: str) -> dict[str, Any]:
    if isinstance(given, str):
        given = {"phase": given}
    if not isinstance(given, Mapping) or not isinstance(given.get("phase"), str):
        raise AsimovError(f"{where}: should be a mapping with 'phase: module:Class'")
    active = given.get("active", True)
    if not isinstance(active, bool):
        raise AsimovError(f"{where}: active: should be true or false, not {text.quoted(active)}")
    settings = {str(key): each for key, each in given.items() if key not in ("phase", "active")}
    return {"phase": given["phase"], "active": active, "settings": settings}


def _of_package(own: Sequence[Any], phases: Any) -> list[dict[str, Any]]:
    """Lay the ledger's settings, by names of classes, over those of a package."""
    described = [
        _described(
            each if isinstance(each, (str, Mapping)) else f"{each.__module__}:{each.__qualname__}",
            "the package's phases",
        )
        for each in own
    ]
    names = [each["phase"].rpartition(":")[2] for each in described]
    if not isinstance(phases or {}, Mapping):
        raise AsimovError(
            f"phases: should be a mapping of settings for {text.listed(names)}",
            hint="this pipeline has its phases from its package",
        )
    for key, given in (phases or {}).items():
        if key not in names:
            raise AsimovError(f"phases: there is no {key!r}{text.did_you_mean(key, names)}")
        place = names.index(key)
        more = _described({"phase": described[place]["phase"], **(given or {})}, f"phases: {key}")
        described[place]["settings"] |= more["settings"]
        if "active" in (given or {}):
            described[place]["active"] = more["active"]
    return described


def _of_script(script: str, phases: Any, root: Path) -> dict[str, Any]:
    file, _, name = script.partition(":")
    path = root / file
    if not path.is_file():
        raise AsimovError(f"script: there is no file {file!r} in the project")
    active = {}
    for phase, given in (phases or {}).items() if isinstance(phases or {}, Mapping) else ():
        if not isinstance(given, Mapping) or set(given) - {"active"}:
            raise AsimovError(
                f"phases: {phase}: only 'active' can be set: the script sets everything else"
            )
        active[str(phase)] = bool(given.get("active", True))
    return {"script": str(path), "object": name or None, "active": active}


@lru_cache(maxsize=256)
def _checked(python: str, recipe: str, root: str, marks: str) -> Checked:
    """Have the phases made in a process of their own; `marks` changes with the code."""
    command = [python, "-m", "asimov.phases.worker", "check"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # nothing appears beside modules
    try:
        done = subprocess.run(
            command, input=recipe, cwd=root, capture_output=True, text=True, check=False,
            env=environment, timeout=_PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsimovError(f"phases: can't be checked: {error}") from error
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise AsimovError(f"phases: can't be checked: {text.line(''.join(last))}")
    return msgspec.json.decode(done.stdout, type=Checked)


def checked(recipe: Mapping[str, Any], root: Path, python: str = sys.executable) -> Checked:
    """Return what is known of the phases of a recipe; each is asked once in a process.

    Raises
    ------
    AsimovError
        If they can't be made at all, or the project is only read: making them runs its code.
    """
    if not current.imports_modules(root):
        raise AsimovError(
            "phases: not checked here, since commands that only read don't run the project's code",
            hint="'asimov apply --dry-run' and 'asimov manage build --dry-run' check them",
        )
    # A script or a module beside the ledger may change while a monitor runs.
    marks = [
        f"{each.name}{status.st_size}{status.st_mtime_ns}"
        for each in sorted(root.glob("*.py"))
        if (status := each.stat())
    ]
    return _checked(python, json.dumps(recipe, default=str), str(root), "".join(marks))


def traces_of(settings: Mapping[str, Any], root: Path, known: Checked) -> Path:
    """Return the folder of the data.

    Raises
    ------
    AsimovError
        If there is none.
    """
    given = settings.get("traces") or known.traces
    if not given:
        raise AsimovError("traces: is missing: it names the folder with run_0001.h5 and so on")
    folder = root / str(given)
    if not folder.is_dir():
        raise AsimovError(f"traces: there is no folder {str(given)!r}")
    return folder


def runs_of(settings: Mapping[str, Any], traces: Path) -> dict[int, int]:
    """Return the size of each run that the settings ask for.

    Raises
    ------
    AsimovError
        If runs have no data; the error names them.
    """
    if settings.get("runs") is None:
        raise AsimovError("runs: is missing: it lists the runs, such as '1-20, 25'")
    wanted = _numbers(settings, "runs")
    skipped = _numbers(settings, "skip runs") if settings.get("skip runs") is not None else []
    wanted = [run for run in wanted if run not in set(skipped)]
    sizes = {run: size_of(trace_file(traces, run)) for run in wanted}
    if empty := [run for run, size in sizes.items() if not size]:
        some = ranges(empty)
        raise AsimovError(
            f"runs: there are no data for {some} in {traces}",
            hint=f"to leave out the runs without data: 'skip runs: {some}'",
        )
    if not sizes:
        raise AsimovError("runs: none is left")
    return sizes


def _numbers(settings: Mapping[str, Any], key: str) -> list[int]:
    try:
        return numbers(settings[key])
    except AsimovError as error:
        raise AsimovError(f"{key}: {error.message}", hint=error.hint) from error


def planned(
    settings: Mapping[str, Any], root: Path, own: Sequence[Any], name: str, seed: int
) -> Plan:
    """Return the plan of an analysis.

    Parameters
    ----------
    settings, root, own
        As of `recipe_of`.
    name
        What tells this analysis from all others of the machine.
    seed
        Of all runs.

    Raises
    ------
    AsimovError
        With the first fault.
    """
    recipe = recipe_of(settings, root, own)
    known = checked(recipe, root)
    for path, why in known.slips:
        raise AsimovError(": ".join(("phases", *path, why)))
    traces = traces_of(settings, root, known)
    sizes = runs_of(settings, traces)
    places = {each: root / each for each in known.files}
    files = {each: str(path) for each, path in places.items() if path.exists()}
    depends = json.dumps([recipe, seed], sort_keys=True, default=str)
    shards = [
        {run: _digest(depends, trace_file(traces, run)) for run in shard}
        for shard in dealt(sizes, int(settings.get("shards", 1)))
    ]
    recipe["files"] = list(files)
    prefix = f"asimov-{hashlib.sha256(name.encode()).hexdigest()[:8]}-"
    return Plan(recipe, known, list(files.values()), str(traces), seed, prefix, shards)


def _digest(depends: str, trace: Path) -> str:
    status = trace.stat()
    state = f"{depends}{status.st_size}{status.st_mtime_ns}"
    return hashlib.sha256(state.encode()).hexdigest()[:16]
