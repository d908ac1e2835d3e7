"""Turn a command with its inputs into a job that runs it in a container."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from asimov.pipelines.container.images import Image
from asimov.pipelines.container.runtimes import FOLDER, Call, Mount, Runtime, Word, target_of

from asimov.errors import AsimovError
from asimov.pipeline.nodes import Input, Node, Numbered
from asimov.text import quoted

#: Variables of every job that the container gets as well.
_PASSED = ("ASIMOV_PROGRESS", "ASIMOV_SEED")


def node(
    name: str,
    runtime: Runtime,
    image: Image,
    command: Sequence[Word],
    *,
    mounts: Mapping[str, Input] | None = None,
    environment: Mapping[str, str] | None = None,
    outputs: Sequence[str] = (),
    folder: str = FOLDER,
    gpus: int = 0,
    processes: int = 1,
    transferred: bool = False,
) -> Node:
    """Return the job.

    Parameters
    ----------
    name
        The node's name.
    runtime, image
        What runs it.
    command
        The program and its arguments; an `Input` becomes a path in the container.
    mounts
        Inputs by their paths in the container.
    environment
        Environment variables in the container.
    outputs, processes
        As of `Node`.
    folder
        The path of the job's folder in the container.
    gpus
        How many GPUs it gets.
    transferred
        Whether its files are transferred, so that paths of this machine mean nothing to it.

    Raises
    ------
    AsimovError
        For a mount that the runtime or the image can't have.
    """
    shown = _Shown(runtime)
    for target, source in (mounts or {}).items():
        shown.at(source, target)
    words = [shown.word(each) for each in command]
    every = [*shown.mounts, Mount(".", folder, writable=True)] if runtime.mounts else []
    _check_targets(image, runtime, every)
    call = Call(image, words, every, environment or {}, _PASSED, bool(gpus), folder)
    program = runtime.program
    if program and not transferred:
        program = shutil.which(program) or program
    line = runtime.command_line(call)
    if not program:
        first, *line = line
        program = first if isinstance(first, str) else first.path
    commands = runtime.submit_commands(call)
    if gpus:
        commands["request_gpus"] = str(gpus)
    return Node(
        name, program, [each if isinstance(each, Input) else Numbered(each) for each in line],
        {variable: Numbered(value) for variable, value in runtime.environment(call).items()},
        outputs=outputs, commands=commands, processes=processes,
    )  # fmt: skip


class _Shown:
    """The inputs that a container sees, and their paths in it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._targets: dict[str, str] = {}
        self.mounts: list[Mount] = []

    def at(self, source: Input, target: str) -> None:
        """Show an input at a path."""
        if not self._runtime.mounts:
            raise AsimovError(
                f"mounts: {self._runtime.name} can't show {quoted(source.path)} at {target}",
                hint="name the file in the command, or choose another runtime",
            )
        if not self._runtime.mounts_files and Path(source.path).is_file():
            raise AsimovError(
                f"mounts: {self._runtime.name} can mount folders, and {quoted(source.path)} "
                "is a file",
                hint="mount its folder, or choose another runtime",
            )
        self.mounts.append(Mount(source, target))

    def word(self, word: Word) -> Word:
        """Return a word of the command with a path in the container."""
        if isinstance(word, str) or not self._runtime.mounts:
            return word
        path, inside = word.path, ""
        if not self._runtime.mounts_files and Path(path).is_file():
            path, inside = str(Path(path).parent), f"/{Path(path).name}"
        if path not in self._targets:
            target = target_of(path, {each.target: each for each in self.mounts})
            self._targets[path] = target
            self.mounts.append(Mount(replace(word, path=path, form="{}", text=False), target))
        return word.word(self._targets[path] + inside)


def _check_targets(image: Image, runtime: Runtime, mounts: Sequence[Mount]) -> None:
    """Refuse what bubblewrap can't mount: it creates folders only below /mnt and /tmp."""
    if runtime.name != "bubblewrap":
        return
    for mount in mounts:
        top = PurePosixPath(mount.target).parts[1]
        if top not in {"mnt", "tmp"} and not Path(image.address + mount.target).exists():
            raise AsimovError(
                f"bubblewrap can't mount anything at {mount.target}: the image has no such path",
                hint="choose a path below /mnt, or make it in the image",
            )
