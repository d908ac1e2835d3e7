"""Check the settings of the pipeline ``command``, before anything is built."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from asimov.pipeline.nodes import NOT_COMMANDS
from asimov.pipeline.staging import MODES
from asimov.pipeline.stated_schemas import input_faults, output_faults, path_of
from asimov.project.config_file import NAMES
from asimov.rendering.render import fault_of_text, settings_asked
from asimov.scheduler.jobs import MOST_PROCESSES, faults_of_commands, submit_value
from asimov.scheduler.languages.submit_commands import COMMANDS
from asimov.settings import Fault
from asimov.system.files import exists, is_file
from asimov.system.programs import on_path
from asimov.text import did_you_mean, quoted

#: The most bytes of a file's name on Linux (NAME_MAX).
_LONGEST_NAME = 255
#: What a variable of the environment may be called.
_VARIABLE = re.compile(r"[^\s=]+")


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
    yield from items(_or_empty(settings, "arguments", []), "arguments", settings)
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
    yield from _environment(_or_empty(settings, "environment", {}), settings)
    yield from _scheduler(_or_empty(settings, "scheduler", {}))


def _or_empty(settings: Mapping[str, Any], name: str, empty: Any) -> Any:
    """Return a setting, or what stands for it where it has no value."""
    value = settings.get(name)
    return empty if value is None else value


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
    found = on_path(executable)
    return str(Path(found).absolute()) if found else None


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
        if not isinstance(file, str):
            why = f"should be the path of a file, not {quoted(file)}"
            yield Fault(("input files", f"[{number}]"), why, final=True)
        elif "://" not in file and not exists(root / file):
            yield Fault(("input files", f"[{number}]"), f"{file!r} does not exist")


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
        yield Fault(
            ("seed",), f"should be a whole number of at least 0, not {quoted(seed)}", final=True
        )


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
        if argument is None or isinstance(argument, (Mapping, list)):
            path, hint = (setting, f"[{number}]"), "write '' for an empty argument"
            yield Fault(path, _no_word(argument), hint if argument is None else None, final=True)
        elif fault := fault_of_value(argument) or _lacking(argument, settings):
            yield Fault((setting, f"[{number}]"), fault)


def _no_word(value: Any) -> str:
    return f"should be text, a number, or true or false, not {quoted(value)}"


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
        if not _VARIABLE.fullmatch(str(name)):
            why = "can't be the name of a variable: it is empty, or holds a blank or '='"
            yield Fault(("environment", str(name)), why, final=True)
        elif value is None or isinstance(value, (Mapping, list)):
            hint = "write '' for an empty value" if value is None else None
            yield Fault(("environment", str(name)), _no_word(value), hint, final=True)
        elif fault := fault_of_value(value) or _lacking(value, settings):
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
    commands = {key: value for key, value in settings.items() if key not in NOT_COMMANDS}
    for key, value in commands.items():
        # Pipelines of packages have lists here, under names of their own.
        if isinstance(value, (Mapping, list)) and str(key).lower().replace(" ", "_") in COMMANDS:
            yield Fault(("scheduler", str(key)), _no_word(value), "write it as text", final=True)
    for key, error in faults_of_commands(commands):
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
            if not isinstance(file, str) or not path.name:
                hint = (
                    "put it in quotes if it is a name" if isinstance(file, (int, float)) else None
                )
                yield Fault(where, f"should name a file, not {quoted(file)}", hint, final=True)
            elif path.is_absolute() or ".." in path.parts:
                yield Fault(where, "is outside the run directory", final=True)
            elif any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
                why = f"has a name of more than {_LONGEST_NAME} bytes, which no file can have"
                yield Fault(where, why, final=True)
