"""Translate a submit description into the processes that the local scheduler starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from asimov.errors import Place, SchedulerError
from asimov.scheduler.languages.quoting import inherited, split_arguments, split_environment
from asimov.scheduler.languages.sizes import size
from asimov.scheduler.languages.submit_file import SubmitFile

#: Variables that every job inherits from the submitter, ``getenv`` or not, so that it finds
#: programs as the submitter does.
BASE_ENVIRONMENT = "PATH,HOME,USER,LOGNAME,SHELL,LANG,LC_*,TZ,TMPDIR,LD_LIBRARY_PATH"


class ProcessSpec(msgspec.Struct):
    """What one process runs, and what it needs; every field can be stored as JSON.

    Attributes
    ----------
    arguments
        The program and its arguments.
    folder, input, output, error, log
        Paths, absolute or relative to the project.
    environment
        The variables that the job itself sets, beside the cluster's environment.
    cpus
        How many processors it needs.
    priority
        Processes with the larger number start first.
    held
        Whether it is submitted on hold.
    checkpoint
        The exit code after which it is started again.
    append
        Whether output is appended to the files.
    memory_mb, disk_kb
        Its requests; None where it has none, or one that only HTCondor can evaluate.
    """

    arguments: list[str]
    folder: str
    input: str
    output: str
    error: str
    log: str = ""
    environment: dict[str, str] | None = None
    cpus: int = 1
    priority: int = 0
    held: bool = False
    checkpoint: int | None = None
    append: bool = False
    memory_mb: int | None = None
    disk_kb: int | None = None


class Paths:
    """Stores paths relative to the project, so that it can be moved.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  (keeps links as they are named)
        self._roots = {str(self.root), os.path.realpath(root)}

    def store(self, path: str | Path, base: str | Path) -> str:
        """Return the stored form of a path, which is relative to `base` or absolute."""
        full = os.path.normpath(Path(base) / path)
        for root in self._roots:
            if full == root or full.startswith(root + os.sep):
                return os.path.relpath(full, root)
        return full

    def load(self, stored: str) -> Path:
        """Return the absolute path of a stored one."""
        return self.root / stored


def process_specs(
    submit: SubmitFile, cluster: int, folder: Path, paths: Paths
) -> tuple[list[ProcessSpec], dict[str, str]]:
    """Return a cluster's processes, and the environment that all of them inherit.

    Parameters
    ----------
    submit
        The submit description.
    cluster
        The cluster's number.
    folder
        The folder of the submission, absolute.
    paths
        How to store paths.

    Raises
    ------
    SchedulerError
        Where the value of a command is wrong or not supported.
    """
    ids = {"cluster": str(cluster), "clusterid": str(cluster), "row": "0", "itemindex": "0"}
    count = submit.processes()
    specs = []
    for number in range(count):
        own = {"process": str(number), "procid": str(number), "step": str(number), "item": ""}
        specs.append(_spec(submit, ids | own, folder, paths))
    base = inherited(BASE_ENVIRONMENT, submit.environ)
    chosen = inherited(submit.value("getenv", ids, "false"), submit.environ)
    return specs, base | chosen


def _spec(submit: SubmitFile, live: Mapping[str, str], folder: Path, paths: Paths) -> ProcessSpec:
    def get(*names: str, default: str = "") -> str:
        for name in names:
            if name in submit.settings:
                return submit.value(name, live)
        return default

    home = folder / get("initialdir", "initial_dir")
    _check_transfers(submit, get, home)
    environment: dict[str, str] = {}
    try:
        arguments = split_arguments(get("arguments"))
    except ValueError as error:
        raise SchedulerError(f"arguments: {error}", where=submit.place("arguments")) from error
    try:
        environment = split_environment(get("environment", "env"))
    except ValueError as error:
        place = submit.place("environment", "env")
        raise SchedulerError(f"environment: {error}", where=place) from error
    priority = get("priority", "prio")
    cpus = get("request_cpus")
    checkpoint = get("checkpoint_exit_code", "my.successcheckpointexitcode")
    executable = program_path(get("executable"), folder, submit.environ.get("PATH"), paths)
    return ProcessSpec(
        arguments=[executable, *arguments],
        folder=paths.store(home, folder),
        input=paths.store(get("input") or os.devnull, home),
        output=paths.store(get("output") or os.devnull, home),
        error=paths.store(get("error") or os.devnull, home),
        log=paths.store(get("log"), home) if get("log") else "",
        environment=environment,
        cpus=max(1, _whole(cpus, "request_cpus", submit.place("request_cpus"), 1)),
        priority=_whole(priority, "priority", submit.place("priority", "prio"), 0),
        held=get("hold").lower() in ("true", "yes", "1"),
        checkpoint=_whole(
            checkpoint, "checkpoint_exit_code", submit.place("checkpoint_exit_code"), 0
        )
        if checkpoint
        else None,
        memory_mb=size(get("request_memory"), "M"),
        disk_kb=size(get("request_disk"), "K"),
    )


def _whole(text: str, what: str, place: Place | str, default: int) -> int:
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise SchedulerError(f"{what} is not a whole number: {text!r}", where=place) from None


def program_path(name: str, folder: Path, path: str | None, paths: Paths) -> str:
    """Return the stored path of a program: in a folder, or else on the submitter's PATH."""
    if "/" not in name and not (folder / name).exists():
        found = shutil.which(name, path=path)
        if found:
            return paths.store(found, folder)
    return paths.store(name, folder)


class _Get(Protocol):
    def __call__(self, *names: str, default: str = ...) -> str: ...


def _check_transfers(submit: SubmitFile, get: _Get, home: Path) -> None:
    # HTCondor moves files to an empty folder, under their last names. Here the job runs in its
    # initial folder, which is the same only for files that are directly in it.
    for command in ("transfer_input_files", "transfer_output_files"):
        for part in get(command).split(","):
            name = part.strip()
            if name and (home / name).parent != home:
                raise SchedulerError(
                    f"the local scheduler can't transfer {name!r}, which is not directly in the "
                    f"job's initial folder ('{command}')",
                    where=submit.place(command),
                    hint="set initialdir to the file's folder, or give its path in the arguments",
                )
