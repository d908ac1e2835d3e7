"""Schemas: the files that a phase reads or makes, and how two schemas differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asimov import text
from asimov.errors import AsimovError, Place


class ArtifactSchema:
    """One artifact, as a phase declares it.

    Parameters
    ----------
    extension
        The ending of its files, such as ``.h5``.
    data
        What is in a file: names with the names of their types, nested as the file is.
    """

    def __init__(self, extension: str | None = None, data: Any = None) -> None:
        self.extension = extension
        self.data = data

    # Schemas of other packages have the same attributes and are other classes.
    def __eq__(self, other: object) -> bool:
        if not (hasattr(other, "extension") and hasattr(other, "data")):
            return NotImplemented
        return bool(self.extension == other.extension and self.data == other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ArtifactSchema({self.extension!r}, {self.data!r})"


class ResultSchema:
    """The artifacts of a result, as a phase declares them.

    It declares how phases link, and is not compared with files.

    Parameters
    ----------
    json_string
        A JSON object: the name of each artifact, with its ``extension`` and ``data``.
    json_file
        A file with such an object, read if there is no `json_string`.

    Attributes
    ----------
    artifacts
        An `ArtifactSchema` for each name; None if nothing was given.

    Raises
    ------
    AsimovError
        If it is no such object; the error names the artifact.
    """

    def __init__(self, json_string: str | None = None, json_file: str | Path | None = None) -> None:
        self.artifacts: dict[str, ArtifactSchema] | None = None
        if json_string is not None:
            self.artifacts = _read(json_string, "a schema")
        elif json_file is not None:
            self.artifacts = _read(Path(json_file).read_text(), str(json_file))

    def __eq__(self, other: object) -> bool:
        if not hasattr(other, "artifacts"):
            return NotImplemented
        return bool(self.artifacts == other.artifacts)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ResultSchema({self.artifacts!r})"


def _read(source: str, where: str) -> dict[str, ArtifactSchema]:
    try:
        given = json.loads(source)
    except json.JSONDecodeError as error:
        raise AsimovError(
            f"is not valid JSON: {error.msg}", where=Place(where, error.lineno, error.colno)
        ) from error
    if not isinstance(given, dict):
        raise AsimovError("should be a JSON object with an item for each artifact", where=where)
    return {name: _artifact(name, each, where) for name, each in given.items()}


def _artifact(name: str, given: Any, where: str) -> ArtifactSchema:
    if not isinstance(given, dict):
        raise AsimovError(
            f"the artifact {name!r} should be an object with 'extension' and 'data'", where=where
        )
    for key in ("extension", "data"):
        if key not in given:
            near = text.nearest(key, given)
            raise AsimovError(
                f"the artifact {name!r} has no {key!r}",
                where=where,
                hint=f"is {near!r} misspelt?" if near else f"add {key!r}",
            )
    return ArtifactSchema(given["extension"], given["data"])


def shown(schema: Any) -> str:
    """Describe a schema in one line, so that two can be compared by eye.

    Examples
    --------
    >>> shown(ResultSchema('{"cloud": {"extension": ".h5", "data": {"x": "array"}}}'))
    'cloud .h5 {"x": "array"}'
    """
    artifacts = getattr(schema, "artifacts", None)
    if not artifacts:
        return "nothing declared" if artifacts is None else "no artifacts"
    return ", ".join(
        f"{name} {each.extension} {json.dumps(each.data, default=str)}"
        for name, each in artifacts.items()
    )


def difference(outgoing: Any, incoming: Any) -> str:
    """Describe both sides of a link that does not hold.

    Parameters
    ----------
    outgoing
        The schema of what a phase makes.
    incoming
        The schema of what the next one expects.
    """
    made, wanted = (dict(getattr(each, "artifacts", None) or {}) for each in (outgoing, incoming))
    if made.keys() == wanted.keys():  # only what differs
        made, wanted = (
            {name: side[name] for name in side if made[name] != wanted[name]}
            for side in (made, wanted)
        )
    sides = [ResultSchema(), ResultSchema()]
    sides[0].artifacts, sides[1].artifacts = made, wanted
    return f"one makes {shown(sides[0])}; the other expects {shown(sides[1])}"
