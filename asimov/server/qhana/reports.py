"""What the jobs of a task have said so far: its log, its progress, links and result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov import text
from asimov.pipeline import progress as progress_lines

#: The most bytes of each file that are shown: the last ones.
_MOST = 1_000_000
#: The most characters of a text that a job reports.
_LONGEST = 100_000
#: What every number of a report is below.
_HUGE = 2**63
_PATTERNS = ("*.out", "*.err", "*.progress")


@dataclass
class Report:
    """What jobs said.

    Attributes
    ----------
    log
        What they printed, lines joined by newlines.
    progress
        ``value``, ``start``, ``target`` and ``unit``; None if none was said.
    said
        When they last said how far they are, in seconds since the epoch.
    links
        ``type`` and ``href`` of each link.
    result
        The result in words, or None.
    """

    log: str = ""
    progress: dict[str, Any] | None = None
    said: float = 0.0
    links: list[dict[str, str]] = field(default_factory=list)
    result: str | None = None


def stamp_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when the jobs in a run directory say more."""
    return tuple((path.name, status.st_size, status.st_mtime_ns) for path, status in _files(folder))


def report_of(folder: Path) -> Report:
    """Return what the jobs in a run directory have said.

    Parameters
    ----------
    folder
        The run directory; there may be none yet.
    """
    found = Report()
    printed = []
    by_time = sorted(_files(folder), key=lambda each: each[1].st_mtime_ns)
    for path, status in by_time:
        if path.suffix == ".progress":
            _take(found, _end(path), status.st_mtime)
    outputs = [path for path, _ in by_time if path.suffix in {".out", ".err"}]
    for path in sorted(outputs, key=lambda each: (_written(each), each.suffix == ".err")):
        printed += _end(path)
    found.log = "\n".join(printed)
    return found


def with_step(found: Report, steps: Sequence[tuple[float, Any]]) -> dict[str, Any] | None:
    """Return the progress: what a job said, or what the last step stands for if it came later.

    Parameters
    ----------
    found
        What the jobs said.
    steps
        When each step was asked, and what it says of the progress.
    """
    if not steps or steps[-1][0] < found.said:
        return found.progress
    said = steps[-1][1]
    if not said:
        return {"value": len(steps) - 1, "start": 0, "target": len(steps), "unit": ""}
    names = ("value", "start", "target", "unit")
    return {"start": 0, "target": 100, "unit": "%"} | dict(zip(names, said, strict=False))


def _take(found: Report, lines: Sequence[str], changed: float) -> None:
    """Add what a file of reports says: lines of JSON, and plain lines of progress."""
    rich = False
    for line in lines:
        said = _decoded(line)
        if said is None:
            plain = None if rich else progress_lines.parse(line)
            rich = False
            if plain is not None:
                value = round(100 * plain.fraction)
                found.progress = {"value": value, "start": 0, "target": 100, "unit": "%"}
                found.said = changed
            continue
        if isinstance(of := said.get("progress"), Mapping):
            found.progress = {
                "value": _number(of.get("value"), 0),
                "start": _number(of.get("start"), 0),
                "target": _number(of.get("target"), 100),
                "unit": _text(of.get("unit", "%")),
            }
            found.said = changed
            rich = True  # the plain line that follows says the same
        if isinstance(of := said.get("link"), Mapping):
            link = {"type": _text(of.get("type", "")), "href": _text(of.get("href", ""))}
            if link not in found.links:
                found.links.append(link)
        if "result" in said:
            found.result = _text(said["result"])


def _number(given: Any, otherwise: float) -> float:
    """Return a number that JSON and the journal can hold."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    return given if is_number and abs(given) < _HUGE else otherwise


def _text(given: Any) -> str:
    return text.short(text.encodable(str(given)), _LONGEST)


def _written(path: Path) -> int:
    """Return when a node was described, or its output changed: nodes are shown in that order."""
    submit = path.with_suffix(".sub")
    return (submit if submit.exists() else path).stat().st_mtime_ns


def _decoded(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _files(folder: Path) -> Iterator[tuple[Path, Any]]:
    for pattern in _PATTERNS:
        for path in sorted(folder.glob(pattern)):
            try:
                status = path.stat()
            except OSError:
                continue
            if path.is_file() and not path.is_symlink():
                yield path, status


def _end(path: Path) -> list[str]:
    """Return the last whole lines of a file; a line that is half written too, if it is a log."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _MOST))
            read = text.of_bytes(stream.read())
    except OSError:
        return []
    lines = read.split("\n")
    last = lines.pop()
    return lines if path.suffix == ".progress" or not last else [*lines, last]
