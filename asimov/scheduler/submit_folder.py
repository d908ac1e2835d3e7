"""The folder from which a DAG or a submit file is submitted: its relative paths begin there.

HTCondor's own tools take the current folder, and people go to the file's folder first. A plugin's
method runs in the project's folder, so the file's own folder is taken instead. A plugin that has
gone to another folder did so on purpose, and that one is kept. Either way, where the other of the
two folders has more of what the file names, that is the one that its author had in mind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from asimov.system import reading

#: The statements of a DAG that name a file, and the place of its name among the words.
_NAMED = {"JOB": 2, "FINAL": 2, "SERVICE": 2, "PROVISIONER": 2, "SPLICE": 2, "INCLUDE": 1}
#: So many of the files that a DAG names are looked for, from all over it; the others are like them.
_NAMES = 100
#: Of so many the content is read.
_NODES = 20
#: A DAG of a million nodes has a few hundred million bytes.
_LARGEST = 2_000_000_000
_COMMAND = re.compile(r"^\s*(\w+)\s*=\s*(.*?)\s*$")
_READ = ("executable", "input", "initialdir")
_WRITTEN = ("output", "error", "log")

_T = TypeVar("_T", int, tuple[int, int])


def folder_of_dag(path: Path, home: Path | None) -> Path:
    """Return the folder from which a DAG is to be submitted.

    Parameters
    ----------
    path
        The DAG file.
    home
        The folder in which a plugin's methods begin; None where that is not known.
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
    """Return the folder from which a submit file is to be submitted; see `folder_of_dag`."""
    folders = _candidates(path, home)
    return _first_with_least(folders, lambda folder: _lacking(path, folder), 0)


def _first_with_least(folders: list[Path], lacking: Callable[[Path], _T], nothing: _T) -> Path:
    """Return the folder that lacks the least; none is looked at after one that lacks nothing."""
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
    """Return the folders that it may be, the likelier first."""
    here, own = Path.cwd(), path.absolute().parent
    if own.resolve() == here.resolve():
        return [here]
    at_home = home is None or here.resolve() == home.resolve()
    return [own, here] if at_home else [here, own]


def _named_in_dag(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that a DAG names, and the folders (``DIR``) in which they are looked for."""
    for line in _lines(path):
        words = line.split()
        keyword = words[0].upper() if words else ""
        if keyword == "SUBDAG" and len(words) > 3:
            words = words[1:]
            keyword = "SPLICE"
        place = _NAMED.get(keyword, len(words))
        if place >= len(words):
            continue
        name, options = words[place].strip('"'), words[place + 1 :]
        upper = [word.upper() for word in options]
        if name.startswith("{") or "$" in name or {"NOOP", "DONE"} & set(upper):
            continue
        folder = options[upper.index("DIR") + 1 :][:1] if "DIR" in upper else []
        yield (folder or [""])[0], name


def _lacking(submit_file: Path, folder: Path) -> int:
    """Return how much of what a submit file names relative to a folder is not there."""
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
    except OSError:  # whoever submits it says so
        return []
