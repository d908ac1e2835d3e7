"""Check the settings of the pipeline ``command``, before anything is built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from asimov.pipeline.nodes import NOT_COMMANDS
from asimov.pipeline.staging import MODES
from asimov.pipeline.stated_schemas import input_faults, output_faults, path_of
from asimov.project.config_file import NAMES
from asimov.rendering.render import fault_of_text, settings_asked
from asimov.scheduler.jobs import MOST_PROCESSES, faults_of_commands, submit_value
from asimov.settings import Fault
from asimov.system.files import exists, is_file
from asimov.text import did_you_mean, quoted

#: The most bytes of a file's name on Linux (NAME_MAX).
_LONGEST_NAME = 255


def faults(settings: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    """Yield every fault in the settings of an analysis.

    Parameters
    ----------
    settings
        The effective settings.
    root
        The project's folder.
    """
    elsewhere = settings.get("files") == "transfer"
    yield from _executable(settings.get("executable"), root, elsewhere=elsewhere)
    yield from outputs_faults(settings.get("outputs"))
    yield from input_faults(settings.get("inputs"))
    yield from items(settings.get("arguments") or [], "arguments", settings)
    yield from of_jobs(settings, root)


def of_jobs(settings: Mapping[str, Any], root: Path) -> Iterator[Fault]:
    """Yield every fault in the settings that jobs of any kind have.

    See `faults` for the parameters.
    """
    if (mode := settings.get("files", "auto")) not in MODES:
        yield mode_fault(mode)
    yield from _input_files(settings.get("input files"), root)
    yield from seed_faults(settings)
    yield from _processes(settings.get("processes", 1))
    yield from _environment(settings.get("environment") or {}, settings)
    yield from _scheduler(settings.get("scheduler") or {})


def program(executable: str, root: Path) -> str | None:
    """Return the path of an executable, in the project or on ``PATH``; None if there is none.

    Parameters
    ----------
    executable
        The name or path from the settings.
    root
        The project's folder.
    """
    inside = root / executable
    if is_file(inside):
        return str(inside)
    try:
        return _on_path(executable, os.environ.get("PATH"))
    except FileNotFoundError:
        return None


@lru_cache(maxsize=64)
def _on_path(executable: str, path: str | None) -> str:
    # Cached: thousands of analyses share a program, and a search reads every folder of PATH.
    found = shutil.which(executable, path=path)
    if found is None:  # not cached: the program may be installed later
        raise FileNotFoundError(executable)
    return str(Path(found).absolute())


def _executable(executable: Any, root: Path, *, elsewhere: bool) -> Iterator[Fault]:
    if not executable:
        yield Fault(("executable",), "is missing: it names the program to run")
        return
    found = program(str(executable), root)
    if found is None and elsewhere and "/" not in str(executable):
        return  # the execute node's PATH decides
    if found is None:
        yield Fault(
            ("executable",),
            f"{executable!r} is neither on PATH nor a file of the project",
        )
    elif not os.access(found, os.X_OK):
        yield Fault(("executable",), f"{executable!r} is not executable", f"chmod +x {executable}")


def _input_files(files: Any, root: Path) -> Iterator[Fault]:
    if files is not None and not isinstance(files, list):
        yield Fault(("input files",), "should be a list of files, folders and URLs", final=True)
        return
    for number, file in enumerate(files or []):
        if "://" not in str(file) and not exists(root / str(file)):
            yield Fault(("input files", f"[{number}]"), f"{str(file)!r} does not exist")


def _processes(processes: Any) -> Iterator[Fault]:
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        why = f"should be a whole number, at least 1, not {quoted(processes)}"
        yield Fault(("processes",), why, final=True)
    elif processes > MOST_PROCESSES:
        yield Fault(
            ("processes",),
            f"should be at most {MOST_PROCESSES}",
            "let each process do more, or split the work into several analyses",
            final=True,
        )


def mode_fault(mode: Any) -> Fault:
    """Return the fault of a setting ``files`` that is none of the modes."""
    why = f"should be one of {', '.join(MODES)}, not {quoted(mode)}{did_you_mean(mode, MODES)}"
    return Fault(("files",), why, final=True)


def seed_faults(settings: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the fault of the setting ``seed``, if it has one."""
    seed = settings.get("seed")
    if seed is None:
        return
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        yield Fault(("seed",), f"should be a whole number from 0, not {quoted(seed)}", final=True)


def items(
    arguments: Any, setting: str, settings: Mapping[str, Any] | None = None
) -> Iterator[Fault]:
    """Yield every fault in a list of arguments.

    Parameters
    ----------
    arguments
        What the setting is.
    setting
        Its name.
    settings
        All settings of the analysis, for what the arguments take from them.
    """
    if not isinstance(arguments, list):
        yield Fault((setting,), "should be a list with one item per argument", final=True)
        return
    for number, argument in enumerate(arguments):
        if fault := fault_of_value(argument) or _lacking(argument, settings):
            yield Fault((setting, f"[{number}]"), fault)


def _lacking(value: Any, settings: Mapping[str, Any] | None) -> str | None:
    """Return the fault of a value that takes a setting which the analysis does not have."""
    if settings is None or "{" not in (text := submit_value(value)):
        return None
    for name in sorted(settings_asked(text) - settings.keys()):
        return f"{quoted(text)}: there is no setting {name!r}{did_you_mean(name, settings)}"
    return None


def _environment(environment: Any, settings: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(environment, Mapping):
        yield Fault(("environment",), "should be a mapping of variables", final=True)
        return
    for name, value in environment.items():
        if fault := fault_of_value(value) or _lacking(value, settings):
            yield Fault(("environment", str(name)), fault)


def fault_of_value(value: Any) -> str | None:
    """Return the fault in a value that is rendered as a template, or None."""
    text = submit_value(value)
    if "{" not in text and "\n" in text:
        return "contains a line break, which a job can't pass on"
    return fault_of_text(text, NAMES)


def _scheduler(settings: Any) -> Iterator[Fault]:
    if not isinstance(settings, Mapping):
        yield Fault(("scheduler",), "should be a mapping of submit commands", final=True)
        return
    for key, error in faults_of_commands(
        {key: value for key, value in settings.items() if key not in NOT_COMMANDS}
    ):
        yield Fault(("scheduler", key), error.message.removeprefix("scheduler: "), error.hint)


def outputs_faults(outputs: Any) -> Iterator[Fault]:
    """Yield every fault in the setting ``outputs``."""
    if outputs is not None and not isinstance(outputs, Mapping):
        yield Fault(("outputs",), "should be a mapping of product names to files", final=True)
    elif not outputs:
        yield Fault(
            ("outputs",),
            "is missing: it names the files that show that the job is complete",
        )
    else:
        for name, file in outputs.items():
            where = ("outputs", str(name))
            if isinstance(file, Mapping):
                yield from output_faults(file, where)
                if "path" not in file:
                    continue
            file = path_of(file)  # noqa: PLW2901
            path = PurePath(str(file))
            if isinstance(file, (Mapping, list)) or file is None or not path.name:
                yield Fault(where, f"should name a file, not {file!r}", final=True)
            elif path.is_absolute() or ".." in path.parts:
                yield Fault(where, "is outside the run directory", final=True)
            elif any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
                why = f"has a name of more than {_LONGEST_NAME} bytes, which no file can have"
                yield Fault(where, why, final=True)
