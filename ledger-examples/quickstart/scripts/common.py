"""Shared by the quickstart's scripts: reading, writing, settings and one-line errors."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


class InputError(Exception):
    """A fault in the input that the user can fix, in one line."""


@dataclass
class Series:
    """Evenly sampled measurements.

    Parameters
    ----------
    time
        Decimal years.
    value
        Measurements in `unit`; NaN where one is missing.
    header
        The ``# key: value`` lines of the file: at least `series` and `unit`.
    """

    time: np.ndarray
    value: np.ndarray
    header: dict[str, str]

    @property
    def step(self) -> float:
        """The time between two values, in years."""
        return float(self.time[-1] - self.time[0]) / (len(self.time) - 1)


def run(main: Callable[[], None]) -> None:
    """Run a script; an `InputError` becomes one line on standard error and exit code 1."""
    try:
        main()
    except InputError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(1)


def read_text(path: Path) -> str:
    """Return a file's text; a file that can't be read raises `InputError`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not a text file"
        raise InputError(f"{path}: {cause}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all; its existence shows that the analysis is complete."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> Any:
    """Return the JSON output of an earlier analysis."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON with a line for each entry, and lists of numbers on one line each."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def read_config(path: Path) -> ConfigParser:
    """Read the INI file that asimov rendered from a template."""
    config = ConfigParser(interpolation=None, delimiters=("=",))
    try:
        config.read_string(read_text(path), source=str(path))
    except ConfigError as error:
        raise InputError(" ".join(str(error).split())) from error
    return config


def setting(config: ConfigParser, section: str, name: str, kind: Callable[[str], Any] = str) -> Any:
    """Return one setting, converted; a missing or unfit one raises `InputError`."""
    try:
        text = config.get(section, name)
    except ConfigError as error:
        raise InputError(f"the configuration lacks [{section}] {name}") from error
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"[{section}] {name}: {text!r} is not of type {kind.__name__}") from error


def inputs(config: ConfigParser) -> dict[str, dict[str, str]]:
    """Return the sections ``[input NAME]`` by name, in the order of the file."""
    found = {
        section.removeprefix("input "): dict(config[section])
        for section in config.sections()
        if section.startswith("input ")
    }
    if not found:
        raise InputError("the configuration lists no analysis to work on ([input NAME])")
    return found


def read_series(path: Path) -> Series:
    """Read a series: ``# key: value`` lines, a line ``time,value``, then the numbers."""
    header: dict[str, str] = {}
    rows: list[tuple[float, float]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.startswith("#"):
            key, _, text = line[1:].partition(":")
            header[key.strip()] = text.strip()
        elif line and line != "time,value":
            try:
                time, value = (float(cell) for cell in line.split(","))
            except ValueError as error:
                raise InputError(f"{path}:{number}: expected time,value; got {line!r}") from error
            rows.append((time, value))
    if missing := {"series", "unit"} - header.keys():
        raise InputError(f"{path}: no line '# {min(missing)}: ...' at the top")
    if len(rows) < 8:
        raise InputError(f"{path}: {len(rows)} values are too few; 8 are the least")
    time, value = np.array(rows).T
    series = Series(time, value, header)
    if not np.allclose(np.diff(time), series.step, rtol=0.01, atol=0.0):
        raise InputError(f"{path}: the times are not evenly spaced")
    return series


def write_series(path: Path, series: Series) -> None:
    """Write a series in the form that `read_series` reads; a NaN in it raises `InputError`."""
    if not all(math.isfinite(value) for value in series.value):
        raise InputError(f"{path}: not written, a value is not a finite number")
    lines = [f"# {key}: {text}" for key, text in series.header.items()]
    lines.append("time,value")
    rows = zip(series.time, series.value, strict=True)
    lines += [f"{time:.4f},{value:.6f}" for time, value in rows]
    write_text(path, "\n".join(lines) + "\n")
