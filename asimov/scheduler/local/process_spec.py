"""From a submit description to the processes that the local scheduler starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from asimov.errors import Place, SchedulerError
from asimov.scheduler.languages.quoting import inherited, split_arguments, split_environment
from asimov.scheduler.languages.sizes import size
from asimov.scheduler.languages.submit_file import SubmitFile

#: What every job has of the submitter's environment, ``getenv`` or not: programs are found on
#: this machine as the submitter finds them.
BASE_ENVIRONMENT = "PATH,HOME,USER,LOGNAME,SHELL,LANG,LC_*,TZ,TMPDIR,LD_LIBRARY_PATH"


@dataclass(slots=True)
class Process:
    """One process to run; everything in it can be stored as JSON.

    Attributes
    ----------
    arguments
        The program and its arguments.
    folder, input, output, error, log
        Paths, absolute or relative to the project.
    environment
        What the job sets itself, beside the cluster's environment.
    cpus
        How much of the bound it takes.
    priority
        Those with the larger number start first.
    held
        Whether it waits for a release from the beginning.
    checkpoint
        The exit code that means "run me again".
    append
        Whether output is added to what the files hold.
    memory_mb, disk_kb
        What it asks for; None where it asks for nothing, or for what only HTCondor can work out.
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
    """How paths are stored, so that a project may be moved.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  (keeps links as they are named)
        self._roots = {str(self.root), os.path.realpath(root)}

    def store(self, path: str | Path, base: str | Path) -> str:
        """Return a path (relative to `base`, absolute) as it is stored."""
        full = os.path.normpath(Path(base) / path)
        for root in self._roots:
            if full == root or full.startswith(root + os.sep):
                return os.path.relpath(full, root)
        return full

    def load(self, stored: str) -> Path:
        """Return the absolute path."""
        return self.root / stored


def processes(
    submit: SubmitFile, cluster: int, folder: Path, paths: Paths
) -> tuple[list[Process], dict[str, str]]:
    """Return a cluster's processes, and the environment that all of them take over.

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
        Where a command's value is wrong or asks for what is not carried out.
    """
    ids = {"cluster": str(cluster), "clusterid": str(cluster), "row": "0", "itemindex": "0"}
    count = submit.processes()
    found = []
    for number in range(count):
        own = {"process": str(number), "procid": str(number), "step": str(number), "item": ""}
        found.append(_process(submit, ids | own, folder, paths))
    base = inherited(BASE_ENVIRONMENT, submit.environ)
    taken = inherited(submit.value("getenv", ids, "false"), submit.environ)
    return found, base | taken


def _process(submit: SubmitFile, live: Mapping[str, str], folder: Path, paths: Paths) -> Process:
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
    null = os.devnull
    executable = _executable(get("executable"), folder, submit.environ.get("PATH"), paths)
    return Process(
        arguments=[executable, *arguments],
        folder=paths.store(home, folder),
        input=paths.store(get("input") or null, home),
        output=paths.store(get("output") or null, home),
        error=paths.store(get("error") or null, home),
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
        raise SchedulerError(f"{what} is no whole number: {text!r}", where=place) from None


def _executable(name: str, folder: Path, path: str | None, paths: Paths) -> str:
    if "/" not in name and not (folder / name).exists():
        found = shutil.which(name, path=path)
        if found:
            return paths.store(found, folder)
    return paths.store(name, folder)


class _Get(Protocol):
    def __call__(self, *names: str, default: str = ...) -> str: ...


def _check_transfers(submit: SubmitFile, get: _Get, home: Path) -> None:
    # With HTCondor files are moved to an empty folder, under their last names. Here the job runs
    # in its initial folder; that is the same only for files that lie directly in it.
    for command in ("transfer_input_files", "transfer_output_files"):
        for part in get(command).split(","):
            name = part.strip()
            if name and (home / name).parent != home:
                raise SchedulerError(
                    f"'{command}' of {name!r}, which is not in the job's initial folder, is not "
                    "carried out by the local scheduler",
                    where=submit.place(command),
                    hint="set initialdir to its folder, or name it by its path in the arguments",
                )
