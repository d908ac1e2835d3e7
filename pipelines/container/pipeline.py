"""The pipeline ``container``: run a command in an image as an analysis.

Settings:

``image``
    A Docker reference, a SIF file, an unpacked root folder, or a name of the registry ``plugins``.
``command``
    The program in the image and its arguments: a list, or a text. Each is rendered as a template.
    An argument that is a file or folder is mounted, read-only, and replaced by its path in the
    container; so is what follows the first ``=`` of an option.
``mounts``
    Files and folders by their paths in the container, read-only.
``outputs``
    Products with their files or folders in the run directory, where the command starts.
``working folder``
    The path of the run directory in the container (``/mnt/run``).
``gpus``
    How many GPUs the job gets (0).
``runtime``
    What runs the container; by default ``[container] runtime``, otherwise the first that works.
``environment``, ``files``, ``processes``, ``scheduler``, ``seed``
    As of the pipeline ``command``.
``contract``
    ``spt`` for a plugin of SPT; see `asimov.pipelines.container.spt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from asimov.pipelines.command import Command, split_option
from asimov.pipelines.container import choice
from asimov.pipelines.container.images import Image
from asimov.pipelines.container.launch import node
from asimov.pipelines.container.registry import Plugin, plugin_of
from asimov.pipelines.container.runtimes import FOLDER, Runtime, Word
from asimov.pipelines.container.settings import command_words, faults
from asimov.pipelines.container.spt import OF_CONTRACT, Spt
from asimov.pipelines.setting_names import SETTINGS

from asimov.errors import AsimovError
from asimov.pipeline import Asset
from asimov.pipeline.nodes import Input, Node
from asimov.pipeline.staging import Staging, Transfer, mode_of
from asimov.project.config_file import names
from asimov.rendering.access import reads
from asimov.rendering.render import render_text
from asimov.settings import Fault
from asimov.system.files import exists, is_file


class Container(Command):  # type: ignore[misc]  # mypy knows the base under another name
    """Runs a command in an image."""

    name = "container"
    settings: ClassVar[Any] = SETTINGS["container"]
    config_template: Any = "command.yaml"
    for_templates: ClassVar[dict[str, str]] = reads("training_configuration")

    @classmethod
    def settings_faults(cls, settings: Mapping[str, Any], root: Path) -> list[Fault]:
        """Return faults in the settings, such as an image that does not exist."""
        return list(faults(settings, root))

    @classmethod
    def outputs_with(cls, settings: Mapping[str, Any]) -> tuple[Asset, ...]:
        """Return the products that the setting ``outputs`` declares, or those of the contract."""
        if settings.get("contract") == "spt":
            return tuple(OF_CONTRACT)
        return tuple(super().outputs_with(settings))

    def __init__(self, production: Any, category: str | None = None) -> None:
        super().__init__(production, category)
        if self.contract is not None:
            self.config_template = "spt.ini"

    # --- what runs, and where

    @property
    def contract(self) -> Spt | None:
        """The contract that the worker follows, if it follows one."""
        return Spt(self) if self.production.meta.get("contract") == "spt" else None

    @property
    def plugin(self) -> Plugin:
        """What the ledger says of the image."""
        meta = self.production.meta
        return plugin_of(str(meta["image"]), meta.get("plugins") or {})

    def image_of_jobs(self) -> str:
        """Return the address of the image."""
        return str(self.image.address)

    @property
    def image(self) -> Image:
        """The image."""
        return self.plugin.located(self.root)

    @property
    def wanted_runtime(self) -> str | None:
        """The configured runtime, or None."""
        config = self.production.workspace.project.config
        wanted = self.production.meta.get("runtime") or config.get(
            "container", "runtime", fallback=None
        )
        return str(wanted) if wanted else None

    @property
    def runtime(self) -> Runtime:
        """The runtime that the jobs use."""
        return choice.chosen(self.image, self.wanted_runtime, self.scheduler.runs_containers)

    @property
    def training_configuration(self) -> str:
        """The configuration of a plugin of SPT, as it is used."""
        assert self.contract is not None
        return str(self.contract.training_configuration())

    @property
    def root(self) -> Path:
        """The project's folder."""
        return Path(self.production.workspace.project.root)

    @property
    def uses_seed(self) -> bool:
        """Whether a seed is drawn where the ledger gives none."""
        return self.contract is not None

    @property
    def seed(self) -> int | None:
        """The seed; with a contract, what the ledger gives the plugin as its ``random_seed``."""
        general = self.production.meta.get("general")
        if self.contract is not None and isinstance(general, Mapping):
            own = general.get("random_seed")
            if isinstance(own, int) and not isinstance(own, bool) and own >= 0:
                return int(own)
        seed: int | None = super().seed
        return seed

    # --- the job

    def nodes(self) -> list[Node]:
        """Return the one job.

        Raises
        ------
        AsimovError
            If the settings are not valid any more: an image may have been removed since the build.
        """
        for fault in faults(self.production.meta, self.root):
            raise AsimovError(str(fault), hint=fault.hint)
        if self.contract is not None:
            return [self.contract.node()]
        return [
            self.job(
                "job",
                self._command(),
                mounts=self._mounts(),
                outputs=[file for files in self._outputs().values() for file in files],
                folder=str(self.production.meta.get("working folder", FOLDER)),
            )
        ]

    def job(
        self,
        name: str,
        command: list[Word],
        *,
        outputs: list[str],
        mounts: Mapping[str, Input] | None = None,
        folder: str = FOLDER,
    ) -> Node:
        """Return a job that runs a command in the image; see `launch.node` for the parameters."""
        runtime, image = self.runtime, self.image
        transferred = isinstance(self._staging(), Transfer)
        if transferred and image.kind == "root" and Path(image.address).is_relative_to(self.root):
            raise AsimovError(
                f"HTCondor can't transfer the image {image}, which is a folder",
                hint="make a SIF file of it, or put it where execute nodes see it",
            )
        if not runtime.program and self.scheduler.name != "htcondor":
            raise AsimovError(
                f"the runtime {runtime.name} needs the scheduler htcondor",
                hint="choose another: 'runtime: apptainer'",
            )
        made: Node = node(
            name, runtime, image, command, mounts=mounts, environment=self._environment(),
            outputs=outputs, folder=folder, gpus=int(self.production.meta.get("gpus", 0)),
            processes=self._processes(), transferred=transferred,
        )  # fmt: skip
        return made

    def _staging(self, *, keep: bool = False) -> Staging:
        # HTCondor shows a container the job's own folder, and nothing else.
        if self.wanted_runtime == "htcondor" and mode_of(self.production.meta) != "shared":
            return Transfer(self.root, self.rundir)
        staging: Staging = super()._staging(keep=keep)
        return staging

    def _command(self) -> list[Word]:
        words = command_words(self.production.meta["command"])
        return [self._word(each) for each in self._rendered("command", words)]

    def _word(self, word: str) -> Word:
        """Return a word, as an `Input` if it names a file or folder of this machine."""
        option, value = split_option(word)
        if "{}" in word or not value:
            return word
        path = self.root / value
        if path.is_relative_to(self.rundir):  # where it starts
            return f"{option}{path.relative_to(self.rundir)}"
        named = Path(value).is_absolute() or "/" in value or is_file(path)
        if not named or path == self.root or self.rundir.is_relative_to(path):
            return word
        own = path.is_relative_to(self.root) or str(path) in self._given_paths()
        return Input(str(path), form=f"{option}{{}}") if exists(path) and own else word

    def _given_paths(self) -> set[str]:
        """Return the paths of assets: those may be outside the project."""
        found: set[str] = set()
        todo: list[Any] = [self.production._previous_assets()]
        for each in todo:
            if isinstance(each, Mapping):
                todo += each.values()
            elif isinstance(each, (list, tuple)):
                todo += each
            else:
                found.add(str(each))
        return found

    def _mounts(self) -> dict[str, Input]:
        mounts = self.production.meta.get("mounts") or {}
        context = names(self.production) if mounts else {}
        found: dict[str, Input] = {}
        for target, source in mounts.items():
            text = render_text(str(source), context, f"{self._set_in('mounts')}: {target}")
            found[str(target)] = Input(str(self.existing(text, f"mounts: {target}")))
        return found

    def existing(self, text: str, setting: str) -> Path:
        """Return the absolute path that a setting names.

        Raises
        ------
        AsimovError
            If it does not exist.
        """
        path = Path(self.root, Path(text).expanduser())
        if not exists(path):
            raise AsimovError(f"{setting}: there is no file or folder {text!r}")
        return path

    # --- what it made

    def check_jobs(self) -> None:
        """Look for what would be refused, and for faults of the contract's input."""
        if self.contract is not None:
            self.contract.cells()
        super().check_jobs()

    def build_dag(self, dryrun: bool = False) -> None:
        """Write the submit description, and what the contract needs beside it."""
        if self.contract is not None:
            self.contract.prepare(dryrun)
        super().build_dag(dryrun)

    def missing_outputs(self) -> list[str]:
        """Return the products that do not exist."""
        contract = self.contract
        return list(super().missing_outputs() if contract is None else contract.missing())

    def store_results(self) -> None:
        """Derive what the contract derives from the products, and store all of them."""
        if self.contract is not None:
            self.contract.finish()
        super().store_results()

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the existing products by name."""
        contract = self.contract
        return dict(super().collect_assets(absolute) if contract is None else contract.assets())
