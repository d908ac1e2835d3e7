"""The description that a call leaves of its outputs, ``outputs.json``: its shape and its truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from asimov.functions.call import OUTPUTS
from asimov.functions.outputs import WORK, checksum
from asimov.system.reading import opened_text
from asimov.text import quoted

_KEYS = {"function": str, "module": str, "inputs": list, "outputs": list}
_OF_OUTPUT = {"id": int, "type": str, "path": str, "sha256": str}


def manifest(rundir: str | Path) -> list[dict[str, Any]]:
    """Return the outputs of a call as its job described them; none if that can't be read."""
    try:
        with opened_text(Path(rundir, OUTPUTS)) as stream:
            said = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return []
    return [] if any(_shape(said)) else list(said["outputs"])


def faults(path: Path) -> Iterator[str]:
    """Yield what is wrong with an ``outputs.json``, and with the outputs that it describes.

    A process that ends early can leave any file of that name: each output must be there, with its
    checksum.
    """
    try:
        with opened_text(path) as stream:
            said = json.load(stream)
    except (OSError, ValueError, RecursionError) as error:
        yield f"can't be read: {error}"
        return
    if wrong := list(_shape(said)):
        yield from wrong
        return
    for each in said["outputs"]:
        file = path.parent / each["path"]
        if not file.exists():
            yield f"the output {quoted(each['path'])} does not exist"
        elif checksum(file) != each["sha256"]:
            yield f"the output {quoted(each['path'])} is not what the call left"


def _shape(said: Any) -> Iterator[str]:
    """Yield why this is no description of a call."""
    if not isinstance(said, Mapping):
        yield f"should be a mapping, not {quoted(said)}"
        return
    for key, kind in _KEYS.items():
        if not isinstance(said.get(key), kind):
            yield f"{key}: {'is missing' if key not in said else f'can not be {quoted(said[key])}'}"
    outputs = said.get("outputs")
    for number, each in enumerate(outputs if isinstance(outputs, list) else ()):
        if not isinstance(each, Mapping) or not all(
            isinstance(each.get(key), kind) for key, kind in _OF_OUTPUT.items()
        ):
            yield f"outputs: [{number}]: should have {', '.join(_OF_OUTPUT)}, not {quoted(each)}"
        elif not _is_inside(each["path"]):
            yield f"outputs: [{number}]: {quoted(each['path'])} is outside the folder {WORK}"


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return len(parts) > 1 and parts[0] == WORK and ".." not in parts
