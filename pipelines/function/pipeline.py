"""The pipeline ``function``: call a registered Python function in a job of its own.

Its settings are those that the class's documentation lists; a registered function is also a
pipeline under its own name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from asimov.pipelines.function.catalogue import Found
from asimov.pipelines.function.inputs import Given, resolved
from asimov.pipelines.function.manifest import faults as manifest_faults
from asimov.pipelines.function.manifest import manifest
from asimov.pipelines.function.module_description import PACKAGE, PROGRAM
from asimov.pipelines.function.settings import faults, function_of, python_of
from asimov.pipelines.setting_names import SETTINGS

from asimov.functions.call import OUTPUTS
from asimov.functions.outputs import WORK
from asimov.functions.settings import laid_over
from asimov.pipeline import Asset, Schema
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Input, Node
from asimov.pipeline.stated_schemas import inputs_in, outputs_in, path_of
from asimov.settings import Fault
from asimov.system.files import write_atomically

#: The description of the call, which the job reads.
CALL = "call.json"


class Function(NodePipeline):
    """Calls a function that a module registers with `asimov.functions` (or with PlatiPy).

    ``function``
        ``module:name``: an importable module or a file of the project's folder (``service`` for
        ``service.py``), and the function's registered name or the one in Python. Where the pipeline
        is a function's registered name, this setting is not needed.
    ``inputs``
        What the function gets: paths and patterns relative to the project, and mappings with
        ``path`` or ``asset`` (``of`` an analysis, with a ``schema``), ``type`` (FILE or DICOM) and
        ``metadata``.
    ``settings``
        The function's settings. They lie over its defaults key by key.
    ``defaults``
        False if ``settings`` replace the defaults as a whole, and may have any keys.
    ``outputs``
        Names of assets for patterns of output files; others get the names of their files. An
        asset with a format is ``{path: PATTERN, schema: {...}}``.
    ``python``
        The Python that runs the job, by default asimov's own.
    ``environment``
        Environment variables of the job.
    ``seed``
        A whole number; one is drawn and recorded if it is not set. The job finds it in
        ``ASIMOV_SEED``, and in the function's setting ``seed`` if that is null by default.
    ``files``
        ``shared``, ``transfer`` or ``auto``: how the job gets at files.
    ``scheduler``
        Submit commands: ``request memory: 2 GB``, ``request gpus: 1``, any other.
    """

    name = "function"
    settings = SETTINGS["function"]
    config_template = "function.yaml"
    uses_seed = True
    makes_more = True
    refuses_misspelt = True
    #: The registered name, where that is the pipeline.
    registered: ClassVar[str | None] = None

    @classmethod
    def settings_faults(cls, settings: Mapping[str, Any], root: Path) -> list[Fault]:
        """Return faults in the settings, such as keys that the function doesn't have."""
        return list(faults(settings, cls.registered, root))

    @classmethod
    def inputs_with(cls, settings: Mapping[str, Any]) -> tuple[Asset, ...]:
        """Return the assets among the setting ``inputs``."""
        return tuple(inputs_in(settings))

    @classmethod
    def outputs_with(cls, settings: Mapping[str, Any]) -> tuple[Asset, ...]:
        """Return the assets that the setting ``outputs`` names, and the description of all."""
        return (Asset("manifest", schema=Schema(".json", check=manifest_faults)),
                *outputs_in(settings))  # fmt: skip

    def build_dag(self, dryrun: bool = False) -> None:
        """Write the description of the call, and the submit description."""
        found = self._function()
        described = {
            "module": found.module,
            "name": found.name,
            "settings": self._given(found),
            "defaults": self._has_defaults,
            "inputs": [each.described() for each in self._inputs()],
        }
        text = json.dumps(described, indent=1, default=str) + "\n"
        if dryrun:
            print(f"write {self.run_file(CALL)}:\n{text}")
        else:
            self.rundir.mkdir(parents=True, exist_ok=True)
            write_atomically(self.run_file(CALL), text, sync=False)
        super().build_dag(dryrun)

    def call(self) -> dict[str, Any]:
        """Return the call with its effective settings, for the configuration."""
        found = self._function()
        given = self._given(found)
        return {
            "function": f"{found.module}:{found.name}",
            "settings": laid_over(found.defaults, given) if self._has_defaults else given,
            "seed": self.seed,
            "inputs": [each.described() for each in self._inputs()],
        }

    def nodes(self) -> list[Node]:
        """Return the one job."""
        meta = self.production.meta
        environment = {str(k): str(v) for k, v in (meta.get("environment") or {}).items()}
        parts = self._function().parts
        arguments = [
            # Not asimov but this package only, which needs nothing else where it runs.
            Input(str(PACKAGE), form=f"{{}}/{PROGRAM}"),
            Input(str(self.run_file(CALL))),
            *(Input(part, form="--path={}") for part in parts),
            *(Input(each.path, pattern=each.pattern) for each in self._inputs()),
        ]
        return [Node("call", self._python(), arguments, environment, outputs=[OUTPUTS])]

    def _python(self) -> str:
        meta = self.production.meta
        own = str(meta.get("python", ""))
        if own and "/" not in own and meta.get("files") == "transfer":
            return own  # the machine's own
        return python_of(meta, self._root) or own

    def _function(self) -> Found:
        meta = self.production.meta
        if self.registered is None and python_of(meta, self._root) is None:
            # The Python is only where the job runs: the project's own module goes along.
            module, _, name = str(meta["function"]).partition(":")
            top = self._root / module.partition(".")[0]
            there = [each for each in (top.with_suffix(".py"), top) if each.exists()]
            return Found(module, name, (module, name), None, tuple(map(str, there[:1])))
        found: Found = function_of(meta, self.registered, self._root)
        return found

    def _given(self, found: Found) -> dict[str, Any]:
        """Return the settings that the ledger gives the function, and the seed if it wants one."""
        given = dict(self.production.meta.get("settings") or {})
        if not self._has_defaults:
            return given
        defaults = found.defaults if isinstance(found.defaults, Mapping) else {}
        if "seed" in defaults and defaults["seed"] is None:
            given.setdefault("seed", self.seed)
        return given

    @property
    def _has_defaults(self) -> bool:
        return self.production.meta.get("defaults") is not False

    def _inputs(self) -> list[Given]:
        meta = self.production.meta
        found: list[Given] = resolved(meta.get("inputs"), self._root, self.production.inputs)
        return found

    @property
    def _root(self) -> Path:
        return Path(self.production.workspace.project.root)

    # --- products

    def missing_outputs(self) -> list[str]:
        """Name the description of the outputs, or the assets that no output matches."""
        if not self.run_file(OUTPUTS).exists():
            return [OUTPUTS]
        assets = self.collect_assets()
        patterns = self._patterns().items()
        missing = [f"{name} ({pattern})" for name, pattern in patterns if name not in assets]
        if missing and any(manifest_faults(self.run_file(OUTPUTS))):
            return []  # it is there and wrong: nothing can be said of the others
        return missing

    def _patterns(self) -> dict[str, str]:
        wanted = self.production.meta.get("outputs") or {}
        return {str(name): str(path_of(each)) for name, each in wanted.items()}

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the outputs by name, all of them as ``outputs``, and their ``manifest``."""
        if not self.run_file(OUTPUTS).exists():
            return {}
        paths = [each["path"] for each in manifest(self.rundir)]
        named = asset_names(list(dict.fromkeys(paths)), self._patterns())
        assets: dict[str, Any] = {"manifest": str(self.run_file(OUTPUTS))}
        if paths:
            assets["outputs"] = [str(self.run_file(each)) for each in paths]
        for name, files in named.items():
            places = [str(self.run_file(each)) for each in files]
            assets[name] = places if len(places) > 1 else places[0]
        return assets


def asset_names(paths: list[str], wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the outputs by the names of their assets.

    Parameters
    ----------
    paths
        The outputs, relative to the run directory, without repetition.
    wanted
        Patterns by name; a pattern stands for all files that it matches.

    Examples
    --------
    >>> asset_names(["work/mask.nii.gz", "work/a/x.csv", "work/x.txt"], {"table": "*.csv"})
    {'table': ['work/a/x.csv'], 'mask': ['work/mask.nii.gz'], 'x': ['work/x.txt']}
    >>> asset_names(["work/x.csv", "work/x.txt"], {})
    {'x.csv': ['work/x.csv'], 'x.txt': ['work/x.txt']}
    """
    names: dict[str, list[str]] = {}
    for name, pattern in wanted.items():
        if files := [each for each in paths if _matches(each, str(pattern))]:
            names[str(name)] = files
    rest = [each for each in paths if not any(each in files for files in names.values())]
    for path in rest:
        inside = PurePosixPath(path).relative_to(WORK)
        stems = [PurePosixPath(each).name.partition(".")[0] for each in rest]
        files = [PurePosixPath(each).name for each in rest]
        choices = [
            inside.name.partition(".")[0]
            if stems.count(inside.name.partition(".")[0]) == 1
            else "",
            inside.name if files.count(inside.name) == 1 else "",
            str(inside),
        ]
        taken = {"outputs", "manifest", *names, *map(str, wanted)}
        names[next((each for each in choices if each and each not in taken), path)] = [path]
    return names


def _matches(path: str, pattern: str) -> bool:
    inside = PurePosixPath(path).relative_to(WORK)
    return fnmatch(inside.name, pattern) or fnmatch(str(inside), pattern)
