"""The command lines of an analysis's jobs, read from the submit files in its run directory.

The files of any pipeline are read, in so far as they are clear: a record of what ran must not stop
it. Source: HTCondor's manual, "condor_submit".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache

import msgspec

from asimov.errors import AsimovError
from asimov.scheduler.languages.quoting import inherited, split_arguments, split_environment
from asimov.system import reading

#: How submit files are called, and how deep they lie in a run directory.
_SUFFIXES = (".sub", ".submit")
_DEPTH = 2
#: Files of one analysis that are looked at, and the largest one that is read, in bytes.
_MOST = 2000
_LARGEST = 1_000_000

_LINE = re.compile(
    r"\s*(?:(executable|arguments|transfer_input_files|initialdir|environment|env|getenv"
    r"|container_image|docker_image)\s*=(.*)|queue\b)",
    re.IGNORECASE,
)
#: In HTCondor's submit files, a variable of the submitter.
SUBMITTERS = "$ENV(PATH)"
_CONTINUED = re.compile(r"\\\n")


class Command(msgspec.Struct, omit_defaults=True):
    """What one submit file runs.

    Attributes
    ----------
    file
        The submit file, relative to the run directory.
    executable, arguments
        As they stand in the file; ``$(...)`` stands for what HTCondor puts there.
    inputs
        Files that HTCondor transfers to the job, and URLs.
    folder
        The folder to which their relative paths belong, where it is not the submit file's.
    path
        The ``PATH`` of the job's environment if the file sets it; `SUBMITTERS` if it is handed on.
    image
        The image in which HTCondor runs it.
    """

    file: str
    executable: str
    arguments: str = ""
    inputs: list[str] = []
    folder: str = ""
    path: str = ""
    image: str = ""

    def words(self) -> list[str]:
        """Return the words of the arguments; none if their quotes do not match."""
        return list(_words(self.arguments))


@lru_cache(maxsize=16)  # they are asked for more than once of each analysis
def _words(arguments: str) -> list[str]:
    with suppress(ValueError):
        return split_arguments(arguments.replace("$(DOLLAR)", "$"))
    return []


def commands_in(rundir: str) -> list[Command]:
    """Return what the submit files in a run directory run, by the files' names."""
    found = []
    for path in _submit_files(rundir):
        with suppress(OSError, AsimovError):  # it is gone by now, or too large
            text = reading.contents(path, most=_LARGEST).decode(errors="replace")
            if command := _command(text, path[len(rundir) + 1 :]):
                found.append(command)
    return sorted(found, key=lambda each: each.file)


def _submit_files(rundir: str) -> Iterator[str]:
    seen = 0
    folders = [(rundir, 1)]
    for folder, depth in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for each in entries:
                if each.is_dir(follow_symlinks=False):
                    if depth < _DEPTH:
                        folders.append((each.path, depth + 1))
                    continue
                seen += 1
                if seen > _MOST:
                    return
                if each.name.endswith(_SUFFIXES) and each.is_file():
                    yield each.path


def _command(text: str, file: str) -> Command | None:
    values: dict[str, str] = {}
    for line in _CONTINUED.sub("", text).splitlines():
        if match := _LINE.match(line):
            if match[1] is None:  # "queue" ends the description
                break
            values[match[1].lower()] = match[2].strip()
    if "executable" not in values:
        return None
    inputs = [each.strip() for each in values.get("transfer_input_files", "").split(",")]
    return Command(
        file,
        values["executable"],
        values.get("arguments", ""),
        [each for each in inputs if each],
        values.get("initialdir", ""),
        _path(values),
        values.get("container_image", "") or values.get("docker_image", ""),
    )


def _path(values: Mapping[str, str]) -> str:
    variables = values.get("environment") or values.get("env", "")
    if "PATH=" in variables:
        with suppress(ValueError):
            path = split_environment(variables).get("PATH")
            if path is not None:
                return path
    return SUBMITTERS if _hands_on_path(values.get("getenv", "")) else ""


@lru_cache(maxsize=16)  # the submit files of a pipeline have the same
def _hands_on_path(getenv: str) -> bool:
    return bool(inherited(getenv, {"PATH": "yes"}))
