"""Find the files that the jobs of an analysis use: what their command lines and inputs name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

from asimov.engine.provenance.commands import Command
from asimov.engine.provenance.images import RUNTIMES
from asimov.errors import ReportedError
from asimov.pipeline.assets import paths_of
from asimov.plugins.methods import guarded
from asimov.project.analysis import Analysis

#: Folders with devices and the state of the system, and what may be data in them.
_SYSTEM, _MEMORY = ("/dev", "/proc", "/sys"), "/dev/shm/"


def programs_of(commands: Sequence[Command], rundir: str) -> list[str]:
    """Return the absolute path of each command's executable, except for those in an image."""
    found = ((_absolute(each.executable, _folder(each, rundir)), each.image) for each in commands)
    return [path for path, image in found if not image or os.path.exists(path)]


def inputs_of(
    analysis: Analysis, commands: Sequence[Command], root: str, image: str = ""
) -> Iterator[str]:
    """Yield what the jobs of an analysis read: absolute paths, and URLs.

    These are the files and folders that an argument names, alone, after a ``=``, or as a path in
    the project within a longer text; what HTCondor transfers to the jobs; what the nodes of a
    `NodePipeline` read; and the products of the analyses whose products it uses. What is in the run
    directory itself was made for the jobs. Devices, the system's state and ``/`` are no data; nor
    is the image, or what is only a path in a container.

    Parameters
    ----------
    analysis
        The analysis.
    commands
        The command lines of its jobs.
    root
        The project's folder, absolute.
    image
        The image that they run in.
    """
    rundir = analysis.rundir
    declared = getattr(analysis.pipeline, "job_inputs", None)
    declared = declared if isinstance(declared, tuple) else None
    # A program such as `sh -c` has whole sentences as arguments.
    within = _paths_in(root)
    for command in commands:
        folder = _folder(command, rundir)
        inside = _is_in_container(command, image)
        for word in () if image and declared is not None else command.words():
            for part in (word, word.partition("=")[2], *within.findall(word)):
                if not part:
                    continue
                path = _absolute(part, folder)
                if not os.path.exists(path) or is_within(path, rundir):
                    continue
                if path != image and not _is_of_system(path, inside):
                    yield path
        for name in command.inputs:
            yield name if "://" in name else _absolute(name, folder)
    # Jobs that see the project's files need not name all of them.
    for name in declared or ():
        if not is_within(name, rundir):
            yield name
    for each in analysis.inputs:
        # The methods of other people's classes may raise anything.
        with suppress(ReportedError), guarded(each, "collect_assets"):
            folder = each.rundir
            for product in paths_of(each.assets):
                yield _absolute(str(product), folder)


def patterns_of(analysis: Analysis) -> Mapping[str, Sequence[str]]:
    """Return what jobs of a `NodePipeline` read that was found with patterns, by the pattern."""
    declared = getattr(analysis.pipeline, "job_patterns", None)
    return declared if isinstance(declared, dict) else {}


@lru_cache(maxsize=1)
def _paths_in(root: str) -> re.Pattern[str]:
    return re.compile(re.escape(f"{root}{os.sep}") + r"[^\s'\"<>|;&()]+")


def _is_in_container(command: Command, image: str) -> bool:
    return bool(image or command.image) or os.path.basename(command.executable) in RUNTIMES


def _is_of_system(path: str, inside: bool) -> bool:
    """Return whether a path is no data; one in a container may be a mount."""
    is_mount = inside and os.path.dirname(path) == "/" and os.path.isdir(path)
    if path == "/" or is_mount:
        return True
    return not path.startswith(_MEMORY) and any(is_within(path, each) for each in _SYSTEM)


def is_within(path: str, folder: str) -> bool:
    """Return whether a path is a folder, or something in it."""
    return path == folder or path.startswith(folder + os.sep)


def _folder(command: Command, rundir: str) -> str:
    return os.path.join(rundir, command.folder or os.path.dirname(command.file))


def _absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, path))
