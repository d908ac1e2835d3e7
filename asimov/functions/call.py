"""Call a registered function in a fresh folder, and return a description of its outputs."""

from __future__ import annotations

import copy
import os
import platform
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from asimov.functions.modules import CallError, chosen, load, python_name
from asimov.functions.outputs import WORK, outputs_of
from asimov.functions.settings import laid_over, unknown_keys

#: What a job leaves beside it: the description of the outputs, or of the failure.
OUTPUTS, FAILURE = "outputs.json", "failure.json"


def call(description: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Call a function in a fresh folder, and return what ``outputs.json`` says.

    Parameters
    ----------
    description
        ``module``, ``name``, ``settings`` and ``inputs``: a mapping for each, with its ``type``.
        With ``defaults`` false, the settings replace the function's own as a whole.
    paths
        Where each input is.
    """
    folder = Path.cwd()
    for each in (WORK, OUTPUTS, FAILURE):
        _set_aside(folder / each)
    work = folder / WORK
    work.mkdir()
    if "ASIMOV_PROGRESS" in os.environ:
        os.environ["ASIMOV_PROGRESS"] = str(folder / os.environ["ASIMOV_PROGRESS"])
    registered = load(description["module"])
    names = {name: python_name(each) for name, (each, _) in registered.items()}
    name = chosen(names, description["name"])
    if name is None:
        there = ", ".join(map(repr, names)) or "nothing"
        raise CallError(f"{description['module']} registers {there}, not {description['name']!r}")
    algorithm, kind = registered[name]
    defaults, settings = algorithm.default_settings, description.get("settings") or None
    if not description.get("defaults", True):
        defaults = None
    for key in unknown_keys(defaults, settings):
        raise CallError(f"{name!r} has no setting {': '.join(key)!r}")
    settings = copy.deepcopy(defaults) if settings is None else laid_over(defaults, settings)
    with tempfile.TemporaryDirectory() as scratch:
        places = [folder / each for each in paths]
        inputs = _inputs(description["inputs"], places, kind, Path(scratch))
        os.chdir(work)
        try:
            arguments = [] if settings is None else [settings]
            returned = algorithm.function(list(inputs), str(work), *arguments)
            _wait_for_threads()  # they may still write outputs
            outputs = outputs_of(returned, inputs, kind, work)
        finally:
            os.chdir(folder)
    return {
        "format": 1,
        "function": name,
        "module": description["module"],
        "settings": settings,
        "seed": int(os.environ["ASIMOV_SEED"]) if "ASIMOV_SEED" in os.environ else None,
        "python": platform.python_version(),
        "inputs": [{"id": n, **each} for n, each in enumerate(description["inputs"], 1)],
        "outputs": outputs,
    }


def _wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _inputs(described: Any, places: Sequence[Path], kind: type, scratch: Path) -> list[Any]:
    found = []
    for number, place in enumerate(places, 1):
        each, path = described[number - 1], place
        if not path.exists():
            raise CallError(f"the input {path} does not exist")
        if each["type"] == "DICOM" and not path.is_dir():
            path = scratch / str(number)  # a function may count on a folder
            path.mkdir()
            (path / place.name).symlink_to(place)
        more = {"meta_data": each.get("metadata"), "series_instance_uid": each.get("series")}
        found.append(kind(id=number, type=each["type"], path=str(path), **more))
    return found


def _set_aside(path: Path) -> None:
    """Rename what an earlier run has left: it may be half-written."""
    number = 1
    while os.path.lexists(f"{path}.aside-{number}"):
        number += 1
    with suppress(FileNotFoundError):
        path.rename(f"{path}.aside-{number}")
