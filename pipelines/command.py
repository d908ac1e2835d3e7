"""The pipeline ``command``: run any program as an analysis, without writing Python.

Settings:

``executable``
    A program found on ``PATH``, or a path relative to the project.
``arguments``
    A list. Each argument is rendered as a template. A relative path of a file in the project
    becomes absolute.
``template``
    The template of the configuration file, whose path is ``{{ config_file }}``. Without it, the
    file contains the effective settings as YAML.
``outputs``
    Products with their files or folders in the run directory. The analysis is complete once its
    job has ended with exit code 0 and all of them exist. ``$(Process)`` stands for the number of
    each process: a file per process.
``processes``
    The number of processes (1); ``$(Process)`` in an argument is the number of each, from 0.
``environment``
    Environment variables of the job.
``scheduler``
    Submit commands: ``request memory: 512 MB``, ``accounting group: ...``, any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov.pipelines.command_settings import commands_of, faults, program

from asimov.pipeline import Pipeline, PipelineException
from asimov.project.config_file import names
from asimov.project.storage.superseded import move_aside
from asimov.rendering.render import render_text
from asimov.scheduler.jobs import check_line, submit_commands, submit_value
from asimov.scheduler.languages.quoting import join_words
from asimov.settings import Fault
from asimov.system.files import is_file, write_atomically

_PROCESS = "$(Process)"


class Command(Pipeline):
    """Runs an executable as one cluster with a given number of processes."""

    name = "command"
    settings = ("arguments", "environment", "outputs", "processes")
    needs_success = True
    submits_by_program = False
    config_template = "command.yaml"

    @classmethod
    def settings_faults(cls, settings: Mapping[str, Any], root: Path) -> list[Fault]:
        """Return faults in the settings, such as a missing executable."""
        return list(faults(settings, root))

    @property
    def submit_file(self) -> Path:
        """The submit description, in the run directory."""
        return Path(self.production.rundir, "job.sub")

    def build_dag(self, dryrun: bool = False) -> None:
        """Write the submit description."""
        text = self._description()
        if dryrun:
            print(f"write {self.submit_file}:\n{text}")
            return
        # Outputs of an earlier attempt must not make this one look complete.
        outputs = [path for paths in self._outputs().values() for path in paths]
        move_aside(Path(self.production.rundir), outputs)
        for folder in {path.parent for path in (self.submit_file, *outputs)}:
            folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.submit_file, text, sync=False)

    def submit_dag(self, dryrun: bool = False) -> int | None:
        """Submit the submit description."""
        if dryrun:
            print(f"submit {self.submit_file}")
            return None
        return self.scheduler.submit(str(self.submit_file))

    def detect_completion(self) -> bool:
        """Return whether every declared output exists."""
        return not self.missing_outputs()

    def missing_outputs(self) -> list[str]:
        """Return the declared outputs that do not exist."""
        rundir = self.production.rundir
        paths = [path for paths in self._outputs().values() for path in paths]
        return [str(path.relative_to(rundir)) for path in paths if not path.exists()]

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the existing outputs by name: a path, or a list with a path per process."""
        assets: dict[str, Any] = {}
        for name, paths in self._outputs().items():
            if all(path.exists() for path in paths):
                many = self._processes() > 1 and len(paths) > 1
                assets[name] = [str(path) for path in paths] if many else str(paths[0])
        return assets

    # --- parts of the submit description

    def _description(self) -> str:
        meta = self.production.meta
        root = Path(self.production.workspace.project.root)
        for fault in faults(meta, root):  # a program may have been removed since the build
            raise PipelineException(str(fault))
        processes = self._processes()
        number = f".{_PROCESS}" if processes > 1 else ""
        commands = {
            "universe": "vanilla",
            "executable": program(str(meta["executable"]), root) or "",
            "arguments": join_words(map(_literal, self._arguments())),
            "environment": join_words(map(_literal, self._environment())),
            "getenv": "HOME, LANG, PATH, USER",
            "initialdir": self.production.rundir,
            "output": f"job{number}.out",
            "error": f"job{number}.err",
            "log": "job.log",
            "batch_name": str(self.production.key),
        }
        settings = meta.get("scheduler") or {}
        commands |= submit_commands(commands_of(settings))
        for key, value in commands.items():
            check_line(key, value)
        lines = [f"{key} = {value}" for key, value in commands.items() if value != '""']
        return "\n".join([*lines, f"queue {processes}", ""])

    def _processes(self) -> int:
        return int(self.production.meta.get("processes", 1))

    def _arguments(self) -> list[str]:
        arguments = self.production.meta.get("arguments") or []
        root = self.production.workspace.project.root
        context = names(self.production) if arguments else {}
        where = self._set_in("arguments")
        rendered = [
            render_text(submit_value(argument), context, f"{where}[{number}]")
            for number, argument in enumerate(arguments)
        ]
        return [
            str(root / each) if each and not Path(each).is_absolute() and is_file(root / each)
            else each
            for each in rendered
        ]  # fmt: skip

    def _environment(self) -> list[str]:
        environment = self.production.meta.get("environment") or {}
        context = names(self.production) if environment else {}
        where = self._set_in("environment")
        return [
            f"{name}={render_text(submit_value(value), context, f'{where}: {name}')}"
            for name, value in environment.items()
        ]

    def _set_in(self, setting: str) -> str:
        """Return where a setting is defined, for messages."""
        workspace, entry = self.production.workspace, self.production.entry
        layers = reversed(workspace.contents.layers(entry, workspace.facts))
        return f"{next((what for what, layer in layers if setting in layer), '')}: {setting}"

    def _outputs(self) -> dict[str, list[Path]]:
        """Return the files of every declared output; with ``$(Process)`` one per process."""
        rundir = Path(self.production.rundir)
        found: dict[str, list[Path]] = {}
        for name, file in (self.production.meta.get("outputs") or {}).items():
            numbers = range(self._processes()) if _PROCESS in str(file) else [0]
            found[str(name)] = [rundir / str(file).replace(_PROCESS, str(n)) for n in numbers]
        return found


def _literal(word: str) -> str:
    """Escape macros of the submit language in a word, except ``$(Process)``.

    ``$(DOLLAR)`` is the language's way to write a dollar sign.
    """
    return re.sub(r"\$(?!\(Process\))(?=\$*\w*\()", "$(DOLLAR)", word)
