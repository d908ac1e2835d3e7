"""The contract ``spt``: plugins of SPT (spatial profiling toolbox), images with three commands.

Settings, besides those of every container:

``input``
    The folder of graphs: a path, or an asset of another analysis (``"{{ assets.graphs }}"``).
``settings``
    Values for the plugin's own section of its training configuration; they win.
``general``
    Values for ``[general]``, which lies under every section. ``random_seed`` is the analysis's
    seed unless it is given here.
``section``
    The plugin's own section, if the image prints several.
``shared folder``
    Whether input, output and working folder are one, as in the plugins' original host.
``cohort stratifier``
    Kept with the ranks.

Source: the plugin template ``nadeemlab/spt-plugin``, by what it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from asimov.pipelines.container import asking, spt_cells, spt_importances
from asimov.pipelines.container import spt_configuration as ini
from asimov.pipelines.container.images import Image
from asimov.pipelines.container.registry import Plugin
from asimov.pipelines.container.runtimes import Runtime, Word
from asimov.pipelines.container.spt_commands import GRAPHS, TRAIN, TRAINING, script

from asimov.errors import AsimovError
from asimov.pipeline import Asset, Schema
from asimov.pipeline.nodes import Input, Node
from asimov.project.config_file import names
from asimov.rendering.render import render_text
from asimov.system.files import write_atomically
from asimov.system.reading import opened_text
from asimov.text import listed, quoted

#: Files in the run directory.
OUTPUT, SETTINGS = "output", "configuration"
PRINTED_GRAPHS = f"{SETTINGS}/graph-request.printed.config"
PRINTED_TRAINING = f"{SETTINGS}/training.printed.config"
USED = f"{SETTINGS}/training.config"
CELLS = "cells.csv"
STATE = "input-state.json"
IMPORTANCES = f"{OUTPUT}/importances.csv"
RANKS, RANKS_METADATA = "ranks.csv", "ranks.metadata.json"


def faults(importances: Path) -> Iterator[str | tuple[int, str]]:
    """Yield what is wrong with an ``importances.csv`` in its run directory, with its lines."""
    rundir = importances.parent.parent
    yield from _changes_of_input(rundir / STATE)
    for line, what in spt_importances.faults(importances, spt_cells.read(rundir / CELLS)):
        yield what if line is None else (line, what)


def _changes_of_input(state: Path) -> Iterator[str]:
    """Yield what has changed in the input of a job whose runtime could not protect it."""
    try:
        with opened_text(state) as stream:
            known = json.load(stream)
    except FileNotFoundError:
        return
    now = spt_cells.state(Path(known["folder"]))
    names = sorted(
        name for name in {*known["files"], *now} if known["files"].get(name) != now.get(name)
    )
    if names:
        yield f"the input has changed since the job was submitted: {listed(names)}"


#: What an analysis makes.
OF_CONTRACT = (
    Asset("importances", schema=Schema(".csv", "text/csv", check=faults)),
    Asset("output"),
    Asset("graph_config"),
    Asset("training_config"),
    Asset("ranks", optional=True, description="Made when the results are stored."),
    Asset("ranks_metadata", optional=True, description="Made when the results are stored."),
)


class InImage(Protocol):
    """A pipeline whose job runs in an image, as far as this module uses it."""

    production: Any
    image: Image
    plugin: Plugin
    runtime: Runtime
    seed: int | None
    wanted_runtime: str | None

    def run_file(self, name: str) -> Path:
        """Return the absolute path of a file in the run directory."""

    def existing(self, text: str, setting: str) -> Path:
        """Return the absolute path that a setting names."""

    def job(self, name: str, command: list[Word], *, outputs: list[str]) -> Node:
        """Return a job that runs a command in the image."""


class Spt:
    """What an analysis of such a plugin runs, checks and makes.

    Parameters
    ----------
    pipeline
        The pipeline of the analysis.
    """

    def __init__(self, pipeline: InImage) -> None:
        self.pipeline = pipeline
        self._meta: Mapping[str, Any] = pipeline.production.meta

    # --- build

    def training_configuration(self) -> str:
        """Return the training configuration that is used; keep what the image printed.

        Raises
        ------
        AsimovError
            If the image can't be asked, prints no configuration, or does not know a setting.
        """
        printed = self._ask()
        graph = ini.parsed(printed[GRAPHS], f"{GRAPHS} of {self.pipeline.image}")
        training = ini.parsed(printed[TRAINING], f"{TRAINING} of {self.pipeline.image}")
        plugin = self.pipeline.plugin
        section = ini.own_section(training, self._meta.get("section"), plugin.name)
        settings = {**plugin.settings, **(self._meta.get("settings") or {})}
        for fault in ini.unknown(settings, training.get(section, {}), ("settings",)):
            raise AsimovError(str(fault), hint=fault.hint)
        general = {"random_seed": self.pipeline.seed, **(self._meta.get("general") or {})}
        return str(ini.written(ini.composed(graph, training, section, general, settings)))

    def _ask(self) -> dict[str, str]:
        """Return what the two printing commands print."""
        pipeline = self.pipeline
        runtime = asking.local_runtime(pipeline.image, pipeline.wanted_runtime)
        return {
            command: asking.printed(runtime, pipeline.image, command)
            for command in (GRAPHS, TRAINING)
        }

    # --- submit

    def prepare(self, dryrun: bool) -> None:
        """Write the configurations and the list of the input's cells into the run directory.

        Raises
        ------
        AsimovError
            If the input is not a folder of graphs.
        """
        folder = self._input()
        printed = self._ask()
        files = {
            PRINTED_GRAPHS: printed[GRAPHS],
            PRINTED_TRAINING: printed[TRAINING],
            USED: Path(self.pipeline.production.config_file).read_text(),
            CELLS: spt_cells.written(self.cells()),
        }
        if not self.pipeline.runtime.read_only:
            files[STATE] = json.dumps({"folder": str(folder), "files": spt_cells.state(folder)})
        for name, text in files.items():
            path = self.pipeline.run_file(name)
            if dryrun:
                print(f"write {path}")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text, sync=False)

    def cells(self) -> spt_cells.Cells:
        """Return the cells of the input.

        Raises
        ------
        AsimovError
            If the input is not a folder of graphs.
        """
        return spt_cells.cells_of(self._input())

    def _input(self) -> Path:
        meta, pipeline = self._meta, self.pipeline
        text = render_text(str(meta["input"]), names(pipeline.production), "input")
        folder: Path = pipeline.existing(text, "input")
        if lacks := spt_cells.missing_parts(folder):
            raise AsimovError(f"input: {quoted(str(folder))} {lacks}")
        return folder

    def node(self) -> Node:
        """Return the job that trains."""
        shared = bool(self._meta.get("shared folder", False))
        job: Node = self.pipeline.job(
            "train",
            [
                "sh", "-c", script(USED, OUTPUT, shared=shared), TRAIN,
                Input(str(self._input())), Input(str(self.pipeline.run_file(SETTINGS))),
            ],
            outputs=[OUTPUT],
        )  # fmt: skip
        return job

    # --- after the job

    def missing(self) -> list[str]:
        """Return ``importances.csv`` if the worker did not write it."""
        return [] if self.pipeline.run_file(IMPORTANCES).is_file() else [IMPORTANCES]

    def _cells(self) -> spt_cells.Cells:
        return spt_cells.read(self.pipeline.run_file(CELLS))

    def finish(self) -> None:
        """Write the ranks, and what they are stored under."""
        path = self.pipeline.run_file(IMPORTANCES)
        text = spt_importances.ranks(path, self._cells())
        write_atomically(self.pipeline.run_file(RANKS), text)
        when = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        metadata = {
            "plugin_used": self.pipeline.plugin.name,
            "plugin_version": self.pipeline.image.version,
            "datetime_of_run": when.isoformat(timespec="seconds"),
            "cohort_stratifier": self._meta.get("cohort stratifier") or "",
        }
        metadata_text = json.dumps(metadata, indent=2) + "\n"
        write_atomically(self.pipeline.run_file(RANKS_METADATA), metadata_text)

    def assets(self) -> dict[str, Any]:
        """Return the existing products by name."""
        products: dict[str, Any] = {
            "importances": IMPORTANCES,
            "output": OUTPUT,
            "ranks": RANKS,
            "ranks_metadata": RANKS_METADATA,
            "graph_config": PRINTED_GRAPHS,
        }
        found: dict[str, Any] = {
            name: str(self.pipeline.run_file(file))
            for name, file in products.items()
            if self.pipeline.run_file(file).exists()
        }
        configurations = {"printed": PRINTED_TRAINING, "used": USED}
        if self.pipeline.run_file(USED).exists():
            found["training_config"] = {
                name: str(self.pipeline.run_file(file)) for name, file in configurations.items()
            }
        return found
