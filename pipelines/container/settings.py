"""Check the settings of the pipeline ``container``, before anything is built."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from asimov.pipelines.command_settings import fault_of_value, items, of_jobs, outputs_faults
from asimov.pipelines.container import choice
from asimov.pipelines.container.images import Image
from asimov.pipelines.container.registry import plugin_of, registry_faults
from asimov.pipelines.container.runtimes import FOLDER, RUNTIMES
from asimov.pipelines.setting_names import OF_COMMANDS, OF_SPT

from asimov.errors import AsimovError
from asimov.pipeline.stated_schemas import input_faults
from asimov.project import current
from asimov.settings import Fault
from asimov.system.files import exists
from asimov.text import did_you_mean, quoted

#: The contracts that a worker may follow.
CONTRACTS = ("spt",)

_ANOTHER = "without 'runtime', the first that works is taken"
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def faults(settings: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    """Yield every fault in the settings of an analysis.

    Parameters
    ----------
    settings
        The effective settings.
    root
        The project's folder.
    """
    yield from registered(settings, root)
    contract = settings.get("contract")
    if contract is not None and contract not in CONTRACTS:
        yield Fault(
            ("contract",),
            f"{quoted(contract)} is not known{did_you_mean(contract, CONTRACTS)}",
            f"it is one of {', '.join(CONTRACTS)}, or leave it out",
            final=True,
        )
    elif contract is None:
        yield from _of_command(settings, root)
    else:
        yield from _of_spt(settings)
    yield from of_jobs(settings, root)


def registered(settings: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    """Yield every fault in the settings about the image, its runtime and its GPUs."""
    registry = settings.get("plugins") or {}
    wrong = list(registry_faults(registry))
    yield from wrong
    gpus = settings.get("gpus", 0)
    if isinstance(gpus, bool) or not isinstance(gpus, int) or gpus < 0:
        yield Fault(
            ("gpus",), f"should be a whole number of at least 0, not {quoted(gpus)}", final=True
        )
    runtime = settings.get("runtime")
    if runtime is not None and str(runtime) not in RUNTIMES:
        why = f"there is no runtime {quoted(runtime)}{did_you_mean(runtime, RUNTIMES)}"
        yield Fault(("runtime",), why, f"it is one of {', '.join(RUNTIMES)}", final=True)
        return
    given = settings.get("image")
    if given is not None and not isinstance(given, str):
        why = f"should be a Docker reference, a SIF file or a root folder, not {quoted(given)}"
        yield Fault(("image",), why, final=True)
        return
    if given is None or not given.strip():
        yield Fault(("image",), "is missing: a Docker reference, a SIF file or a root folder")
        return
    if wrong:
        return
    plugin = plugin_of(settings["image"], registry)
    try:
        image = plugin.located(root)
    except AsimovError as error:
        yield Fault(("image",), error.message, error.hint)
        return
    if plugin.gpu and not asks_for_gpus(settings):
        yield Fault(
            ("gpus",), f"{plugin.name} runs only on a GPU, but none is requested", "set 'gpus: 1'"
        )
    yield from _runtime(settings.get("runtime"), image)


def asks_for_gpus(settings: Mapping[str, Any]) -> bool:
    """Return whether a job is to get a GPU."""
    scheduler = settings.get("scheduler")
    names = {str(each).replace("_", " ").lower() for each in scheduler or ()}
    return bool(settings.get("gpus")) or bool(names & {"gpus", "request gpus"})


def command_words(command: Any) -> list[Any]:
    """Return the items of the setting ``command``; a text is split as a shell would.

    What is between ``{{`` and ``}}`` stays together, blanks and quotes included.

    Raises
    ------
    ValueError
        If its quotes do not match.
    """
    if not isinstance(command, str):
        return list(command)
    values = _VALUE.findall(command)
    words = shlex.split(_VALUE.sub("\0", command))
    return [re.sub("\0", lambda _: values.pop(0), word) for word in words]


def _runtime(name: Any, image: Image) -> Iterator[Fault]:
    if name is None:
        if not _runs_here():
            return  # the pool decides
        opened = current.workspace()
        assert opened is not None
        name = opened.project.config.get("container", "runtime", fallback=None)
    try:
        runtime = choice.chosen(image, None if name is None else str(name))
        if name is not None and _runs_here():
            if not runtime.program:
                raise AsimovError(f"the runtime {name} needs the scheduler htcondor", hint=_ANOTHER)
            if why := choice.fault_here(runtime):
                raise AsimovError(
                    f"the runtime {name} does not work on this machine: {why}", hint=_ANOTHER
                )
    except AsimovError as error:
        yield Fault(("runtime",), error.message, error.hint)


def _runs_here() -> bool:
    """Return whether jobs run on this machine, as far as is known."""
    opened = current.workspace()
    if opened is None:
        return False
    return bool(opened.project.config.get("scheduler", "type", fallback="local").lower() == "local")


def _of_command(settings: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    yield from outputs_faults(settings.get("outputs"))
    yield from input_faults(settings.get("inputs"))
    command = settings.get("command")
    if not command:
        yield Fault(("command",), "is missing: the program in the image, and its arguments")
    else:
        try:
            words = command_words(command) if isinstance(command, (str, list)) else command
        except ValueError as error:
            yield Fault(("command",), f"can't be split into words: {error}")
        else:
            yield from items(words, "command", settings)
    mounts = settings.get("mounts")
    yield from _mounts(
        {} if mounts is None else mounts, settings.get("working folder", FOLDER), root
    )
    for name in OF_SPT:
        if name in settings and name not in {"input", "settings", "general"}:
            yield Fault((name,), "is for plugins of SPT", "add 'contract: spt'")


def _mounts(mounts: Any, folder: Any, root: Path) -> Iterator[Fault]:
    if not isinstance(folder, str) or not PurePosixPath(folder).is_absolute() or folder == "/":
        yield Fault(
            ("working folder",),
            f"should be an absolute path in the container, not {folder!r}",
            final=True,
        )
    if not isinstance(mounts, Mapping):
        yield Fault(
            ("mounts",), "should be a mapping of paths in the container to files", final=True
        )
        return
    for target, source in mounts.items():
        path = PurePosixPath(str(target))
        if not path.is_absolute() or path == PurePosixPath("/") or ".." in path.parts:
            yield Fault(
                ("mounts", str(target)), "should be an absolute path in the container", final=True
            )
            continue
        if path == PurePosixPath(str(folder)):
            yield Fault(("mounts", str(target)), "is the working folder of the job")
        if not isinstance(source, str) or not source:
            yield Fault(("mounts", str(target)), "should name a file or folder", final=True)
        elif fault := fault_of_value(source):
            yield Fault(("mounts", str(target)), fault)
        elif _is_of_project(source) and not exists(root / source):
            yield Fault(("mounts", str(target)), f"{source!r} is not in the project")


def _is_of_project(source: str) -> bool:
    """Return whether a path is one in the project as it stands, and not on another machine."""
    return "{" not in source and "://" not in source and not Path(source).is_absolute()


def _of_spt(settings: Mapping[str, Any]) -> Iterator[Fault]:
    for name in OF_COMMANDS:
        if name in settings:
            yield Fault((name,), "the contract 'spt' says what runs; this can't be set")
    if not isinstance(settings.get("input"), str) or not settings["input"]:
        yield Fault(("input",), "is missing: the folder of graphs, such as '{{ assets.graphs }}'")
    elif fault := fault_of_value(settings["input"]):
        yield Fault(("input",), fault)
    for name in ("settings", "general"):
        if not isinstance(settings.get(name) or {}, Mapping):
            yield Fault((name,), "should be a mapping", final=True)
    for name in ("section", "cohort stratifier"):
        if name in settings and not isinstance(settings[name], (str, type(None))):
            yield Fault((name,), f"should be text, not {quoted(settings[name])}", final=True)
    if not isinstance(settings.get("shared folder", False), bool):
        yield Fault(("shared folder",), "should be true or false", final=True)
    registry = settings.get("plugins")
    if isinstance(settings.get("image"), str) and not list(registry_faults(registry or {})):
        plugin = plugin_of(settings["image"], registry or {})
        given = settings.get("settings")
        for name in plugin.required:
            if isinstance(given or {}, Mapping) and name not in (given or {}):
                yield Fault(("settings", name), f"is missing: {plugin.name} needs it")
