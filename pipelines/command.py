"""The pipeline ``command``: run any program as an analysis, without writing Python.

Settings:

``executable``
    A program found on ``PATH``, or a path relative to the project.
``arguments``
    A list. Each argument is rendered as a template. A relative path of a file in the project
    becomes absolute; so does what follows the first ``=`` of an option (``--in=data/x.txt``).
``template``
    The template of the configuration file, whose path is ``{{ config_file }}``. Without it, the
    file contains the effective settings as YAML.
``outputs``
    Products with their files or folders in the run directory. The analysis is complete once its
    job has ended with exit code 0 and all of them exist. ``$(Process)`` stands for the number of
    each process: a file per process. ``{path: FILE, schema: {extension: .csv, data: {a: float}}}``
    states a format, which is checked.
``inputs``
    Assets of other analyses that it uses: a list of ``{asset: NAME}``, with the analysis (``of``)
    and the ``schema`` that it expects where you like. Not needed, but then nothing is checked.
``processes``
    The number of processes (1); ``$(Process)`` in an argument is the number of each, from 0.
``environment``
    Environment variables of the job.
``files``
    ``shared`` if jobs see the project's folder, ``transfer`` if HTCondor is to transfer files, and
    ``auto`` (the default) to ask the pool.
``input files``
    Files, folders and URLs that are sent along besides those that the arguments and the
    configuration name. An argument that repeats one stands for its path where the job runs.
``seed``
    A whole number, which the job finds in the environment variable ``ASIMOV_SEED``.
``scheduler``
    Submit commands: ``request memory: 512 MB``, ``accounting group: ...``, any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov.pipelines.command_settings import faults, program
from asimov.pipelines.setting_names import SETTINGS

from asimov.errors import AsimovError
from asimov.pipeline import Asset
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Input, Node, Numbered
from asimov.pipeline.stated_schemas import inputs_in, outputs_in, path_of
from asimov.project.config_file import names
from asimov.rendering.render import is_template, render_text
from asimov.scheduler.jobs import submit_value
from asimov.settings import Fault
from asimov.system.files import is_file

_PROCESS = "$(Process)"


def split_option(word: str) -> tuple[str, str]:
    """Return the beginning of an option with a value, through its ``=``, and the value.

    Examples
    --------
    >>> split_option("--in=a=b"), split_option("a=b")
    (('--in=', 'a=b'), ('', 'a=b'))
    """
    option, equals, value = word.partition("=")
    return (option + equals, value) if equals and word.startswith("-") else ("", word)


class Command(NodePipeline):
    """Runs an executable as one cluster with a given number of processes."""

    name = "command"
    settings = SETTINGS["command"]
    refuses_misspelt = True
    config_template = "command.yaml"

    @classmethod
    def settings_faults(cls, settings: Mapping[str, Any], root: Path) -> list[Fault]:
        """Return faults in the settings, such as a missing executable."""
        return list(faults(settings, root))

    @classmethod
    def inputs_with(cls, settings: Mapping[str, Any]) -> tuple[Asset, ...]:
        """Return the assets that the setting ``inputs`` declares."""
        return tuple(inputs_in(settings))

    @classmethod
    def outputs_with(cls, settings: Mapping[str, Any]) -> tuple[Asset, ...]:
        """Return the products that the setting ``outputs`` declares."""
        return tuple(outputs_in(settings))

    def nodes(self) -> list[Node]:
        """Return the one job, with as many processes as the settings ask for.

        Raises
        ------
        AsimovError
            If the settings are not valid any more: a program may have been removed since the build.
        """
        meta = self.production.meta
        for fault in faults(meta, self._root):
            raise AsimovError(str(fault), hint=fault.hint)
        arguments, environment = self._arguments(), self._environment()
        inputs = [Input(self._path_of(each)) for each in self._input_files()]
        config = self.config_input()
        if any(config.path in word for word in (*arguments, *environment.values())):
            inputs.append(config)
        return [
            Node(
                "job",
                self._executable(str(meta["executable"])),
                [Numbered(each) for each in arguments],
                {variable: Numbered(value) for variable, value in environment.items()},
                inputs,
                outputs=[file for files in self._outputs().values() for file in files],
                processes=self._processes(),
            )
        ]

    def _executable(self, name: str) -> str:
        """Return the program's path; a name is looked up on the machine where the job runs."""
        if "/" not in name and not is_file(self._root / name):
            return name  # where the node shares this machine's files, staging looks it up here
        return program(name, self._root) or name

    def missing_outputs(self) -> list[str]:
        """Return the declared outputs that do not exist."""
        outputs = [file for files in self._outputs().values() for file in files]
        return [file for file in outputs if not self.run_file(file).exists()]

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the existing outputs by name: a path, or a list with a path per process."""
        assets: dict[str, Any] = {}
        for name, files in self._outputs().items():
            paths = [self.run_file(file) for file in files]
            if all(path.exists() for path in paths):
                many = self._processes() > 1 and len(paths) > 1
                assets[name] = [str(path) for path in paths] if many else str(paths[0])
        return assets

    # --- parts of the job

    @property
    def _root(self) -> Path:
        root: Path = self.production.workspace.project.root
        return root

    def _input_files(self) -> list[str]:
        return [str(each) for each in self.production.meta.get("input files") or []]

    def _path_of(self, file: str) -> str:
        """Return the absolute path of an input file; a URL stays as it is."""
        return file if "://" in file else str(self._root / file)

    def _processes(self) -> int:
        return int(self.production.meta.get("processes", 1))

    def _arguments(self) -> list[str]:
        arguments = self._rendered("arguments", self.production.meta.get("arguments") or [])
        return [self._argument(each) for each in arguments]

    def _argument(self, word: str) -> str:
        option, value = split_option(word)
        path = self._root / value
        if value and not Path(value).is_absolute() and is_file(path):
            return f"{option}{path}"
        return f"{option}{self._path_of(value)}" if value in self._input_files() else word

    def _rendered(self, setting: str, items: list[Any]) -> list[str]:
        """Return the items of a setting, each rendered as a template."""
        words = [submit_value(item) for item in items]
        if not any(map(is_template, words)):
            return words
        context, where = names(self.production), self._set_in(setting)
        return [
            render_text(word, context, f"{where}[{number}]") for number, word in enumerate(words)
        ]

    def _environment(self) -> dict[str, str]:
        environment = self.production.meta.get("environment") or {}
        words = {str(name): submit_value(value) for name, value in environment.items()}
        if not any(map(is_template, words.values())):
            return words
        context, where = names(self.production), self._set_in("environment")
        return {
            name: render_text(word, context, f"{where}: {name}") for name, word in words.items()
        }

    def _set_in(self, setting: str) -> str:
        """Return where a setting is defined, for messages."""
        workspace, entry = self.production.workspace, self.production.entry
        layers = reversed(workspace.contents.layers(entry, workspace.facts))
        found = f"{next((what for what, layer in layers if setting in layer), '')}: {setting}"
        return found.removeprefix(": ")  # a default that the pipeline declares

    def _outputs(self) -> dict[str, list[str]]:
        """Return the files of every declared output; with ``$(Process)`` one per process."""
        found: dict[str, list[str]] = {}
        for name, file in (self.production.meta.get("outputs") or {}).items():
            path = str(path_of(file))
            numbers = range(self._processes()) if _PROCESS in path else [0]
            found[str(name)] = [path.replace(_PROCESS, str(n)) for n in numbers]
        return found
