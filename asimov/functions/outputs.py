"""Check what a function returned, and describe each output: its place, parent and checksum."""

from __future__ import annotations

import decimal
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov.functions.modules import CallError, inside

#: The folder that a function works in, in the job's folder.
WORK = "work"


def outputs_of(returned: Any, inputs: list[Any], kind: Any, work: Path) -> list[dict[str, Any]]:
    """Describe the data objects that a function returned.

    Parameters
    ----------
    returned
        What it returned.
    inputs
        The data objects that it was called with.
    kind
        The class of its data objects.
    work
        The folder that it worked in; outputs elsewhere are copied there.

    Raises
    ------
    CallError
        If it is not what the contract says.
    """
    if returned is None:
        raise CallError("the function returned None: it should return a list of data objects")
    if isinstance(returned, (kind, str, bytes, Mapping)):
        raise CallError(f"the function returned {returned!r}: it should return a list")
    objects = list(returned)
    for number, each in enumerate(objects, len(inputs) + 1):
        if not isinstance(each, kind):
            raise CallError(f"the function returned {each!r} in its list: it is not a DataObject")
        if not any(each is known for known in inputs):
            each.id = number
    work = work.resolve()
    roots = [work, *(Path(each.path).resolve() for each in inputs if each.path)]
    return [_output(each, [*inputs, *objects], work, roots) for each in objects]


def _output(each: Any, known: list[Any], work: Path, roots: list[Path]) -> dict[str, Any]:
    if each.type not in ("FILE", "DICOM"):
        raise CallError(f"an output's type is {each.type!r}: it should be FILE or DICOM")
    if not each.path or not Path(each.path).exists():
        raise CallError(f"the function returned the output {each.path!r}, which does not exist")
    # A pipe would be read for ever.
    if not (Path(each.path).is_file() or Path(each.path).is_dir()):
        raise CallError(f"the output {each.path} is neither a file nor a folder")
    if each.parent is not None and not any(each.parent is other for other in known):
        raise CallError(f"the parent of {each.path} is neither an input nor an output of the call")
    path = Path(each.path)
    _check_links(path, roots)
    place = _kept(path.parent.resolve() / path.name if path.name else path.resolve(), work)
    return {
        "id": each.id,
        "type": each.type,
        "path": str(Path(WORK) / place.relative_to(work)),
        "parent": None if each.parent is None else each.parent.id,
        "sha256": checksum(place),
        "series": each.series_instance_uid,
        "metadata": _plain(each.meta_data, each.path),
    }


def _check_links(path: Path, roots: list[Path]) -> None:
    """Refuse links that lead neither to what the function works with nor to what is beside them.

    They may come from an archive that somebody sent and the function unpacked: what they lead to
    would be given to that person.
    """
    links = [path] if path.is_symlink() else [e for e in path.rglob("*") if e.is_symlink()]
    own = Path(os.path.realpath(path.parent if path.is_symlink() else path))
    for each in links:
        target = Path(os.path.realpath(each))
        if not any(inside(target, root) for root in (own, *roots)):
            raise CallError(f"the output {path} has a link that leads elsewhere: {each.name}")


def _kept(path: Path, work: Path) -> Path:
    """Return where an output is in the working folder; copy it there from elsewhere."""
    if inside(work, path):
        raise CallError(f"the function returned {path}, which contains the folder it works in")
    if inside(path, work) and path.is_symlink():
        # What it leads to may be no output, and then would not be stored.
        target = path.resolve()
        path.unlink()
        (shutil.copytree if target.is_dir() else shutil.copy2)(target, path)
    if inside(path, work):
        return path
    place, number = work / path.name, 1
    while os.path.lexists(place):
        number += 1
        place = work / f"{number}-{path.name}"
    (shutil.copytree if path.is_dir() else shutil.copy2)(path, place)
    return place


def _plain(metadata: Any, path: Any) -> Any:
    """Return metadata as JSON holds them.

    Raises
    ------
    CallError
        If they can't be written without a change of their values.
    """
    try:
        return json.loads(json.dumps(metadata, allow_nan=False, default=_text))
    except (TypeError, ValueError) as error:
        raise CallError(f"the metadata of {path} can't be written as JSON: {error}") from error


def _text(value: Any) -> Any:
    """Return a path, a time or a number of NumPy as JSON holds it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (os.PathLike, decimal.Decimal, uuid.UUID)):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r} has no place in JSON")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of its files' as ``sha256sum`` lists them."""
    digest = hashlib.sha256()
    if path.is_dir():
        names = [each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()]
        for name in sorted(names):
            digest.update(f"{checksum(path / name)}  {name}\n".encode())
    else:
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
