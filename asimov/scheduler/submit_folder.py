"""Choose the folder to submit a DAG or submit file from, where its relative paths start.

HTCondor's own tools use the current folder, and people change to the file's folder first. A
plugin's method runs in the project's folder, so the file's own folder is used instead. A plugin
that changed to another folder did so on purpose, and that folder is used. In both cases, if the
other of the two folders has more of the files that are named, its author meant that one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from asimov.scheduler.languages.dag_file import job_options, statements
from asimov.system import reading

#: The DAG statements that name a file, and the position of its name among the words.
_NAMED = {
    **dict.fromkeys(("JOB", "FINAL", "SERVICE", "PROVISIONER", "SPLICE"), 2),
    "INCLUDE": 1,
    "SUBDAG": 3,
}
#: How many of the files named in a DAG are checked, evenly spread over it.
_NAMES = 100
#: How many of them are read.
_NODES = 20
#: The largest file read, in bytes; a DAG of a million nodes has a few hundred million.
_LARGEST = 2_000_000_000
_COMMAND = re.compile(r"^\s*(\w+)\s*=\s*(.*?)\s*$")
_READ = ("executable", "input", "initialdir")
_WRITTEN = ("output", "error", "log")

_T = TypeVar("_T", int, tuple[int, int])


def folder_of_dag(path: Path, home: Path | None) -> Path:
    """Return the folder to submit a DAG from.

    Parameters
    ----------
    path
        The DAG file.
    home
        The folder in which plugin methods start; None where unknown.
    """
    folders = _candidates(path, home)
    if len(folders) == 1:  # the DAG need not be read
        return folders[0]
    every = list(dict.fromkeys(_named_in_dag(path)))
    named = every[:: -(-len(every) // _NAMES) or 1]

    def lacking(folder: Path) -> tuple[int, int]:
        files = [folder / folder_of_node / name for folder_of_node, name in named]
        missing = sum(not file.is_file() for file in files)
        submit_files = [
            (file, folder / named[n][0]) for n, file in enumerate(files[:_NODES]) if file.is_file()
        ]
        return missing, sum(_lacking(file, where) for file, where in submit_files)

    return _first_with_least(folders, lacking, (0, 0))


def folder_of_submit_file(path: Path, home: Path | None) -> Path:
    """Return the folder to submit a submit file from; see `folder_of_dag`."""
    folders = _candidates(path, home)
    return _first_with_least(folders, lambda folder: _lacking(path, folder), 0)


def _first_with_least(folders: list[Path], lacking: Callable[[Path], _T], nothing: _T) -> Path:
    """Return the folder that lacks the least, without checking any after one that lacks nothing."""
    if len(folders) == 1:
        return folders[0]
    found: list[tuple[_T, Path]] = []
    for folder in folders:
        lacks = lacking(folder)
        if lacks == nothing:
            return folder
        found.append((lacks, folder))
    return min(found, key=lambda each: each[0])[1]


def _candidates(path: Path, home: Path | None) -> list[Path]:
    """Return the possible folders, the likelier first."""
    here, own = Path.cwd(), path.absolute().parent
    if own.resolve() == here.resolve():
        return [here]
    at_home = home is None or here.resolve() == home.resolve()
    return [own, here] if at_home else [here, own]


def _named_in_dag(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that a DAG names, with the folders (``DIR``) that they are relative to."""
    for statement in statements(_lines(path)):
        words = statement.words
        place = _NAMED.get(statement.keyword, len(words))
        if place >= len(words):
            continue
        name = words[place].strip('"')
        folder, marks = job_options(words[place + 1 :])
        if name.startswith("{") or "$" in name or {"NOOP", "DONE"} & {m.upper() for m in marks}:
            continue
        yield folder, name


def _lacking(submit_file: Path, folder: Path) -> int:
    """Return how many of the files that a submit file names are missing, relative to a folder."""
    commands = {
        match[1].lower(): match[2]
        for line in _lines(submit_file)
        if (match := _COMMAND.match(line)) and match[2] and "$" not in match[2]
    }
    inside = folder / commands.get("initialdir", "")
    lacking = 0
    for key in _READ:
        path = (folder if key == "initialdir" else inside) / commands.get(key, "")
        lacking += not path.exists()
    for key in _WRITTEN:
        lacking += not (inside / commands.get(key, "")).parent.is_dir()
    return lacking


def _lines(path: Path) -> list[str]:
    try:
        return reading.contents(path, most=_LARGEST).decode(errors="replace").splitlines()
    except OSError:  # the submission reports it
        return []
