"""The pipeline ``phases``: steps in Python (phases) that process many runs, divided among jobs.

Settings:

``phases``
    A list of phases in their order: ``phase: module:Class``, with the parameters of the class's
    constructor; a mapping fills a dataclass. A phase with ``active: false`` does not run; those
    behind it find what it has made before. Modules beside the ledger are found.
``script``
    Instead of phases: a script with a `Pipeline` at the top of its module, ``analyse.py`` or
    ``analyse.py:name``. ``phases: {Name: {active: false}}`` then switches phases off.
``traces``
    The folder with the data of the runs: ``run_0001.h5`` and so on.
``runs``
    The runs, such as ``1-20, 25``. ``skip runs`` leaves some out. Every run must have data.
``shards``
    How many jobs the runs are dealt to (1).
``seed``
    A whole number. Each run has random numbers of its own, made from it and the run's number.

A package has phases of its own in a subclass: ``phases = ("package.module:Class", ...)``; the
ledger then sets ``phases: {Class: {parameter: value}}``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from asimov.pipelines.command_settings import mode_fault, seed_faults
from asimov.pipelines.phases.plan import Plan, checked, planned, recipe_of, runs_of, traces_of
from asimov.pipelines.setting_names import SETTINGS

from asimov.errors import AsimovError
from asimov.phases.run_records import RECORDS, is_complete, record_of
from asimov.phases.runs import form_run_string, numbers, ranges
from asimov.phases.shard import SHARDS, WORKSPACE, failures_of, is_done
from asimov.phases.worker import PICKLE
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Input, Node
from asimov.pipeline.staging import MODES, InPlace
from asimov.project.current import imports_modules
from asimov.project.storage.superseded import others
from asimov.settings import Fault
from asimov.system.files import write_atomically
from asimov.text import quoted

#: The plan in the run directory, and what the job that makes the assets reads.
_PLAN, _RECIPE = "plan.json", "phases.json"
#: What a shard goes on from when it runs again, in the run directory.
_KEPT = [_PLAN, str(WORKSPACE), str(RECORDS), str(SHARDS)]


class Phases(NodePipeline):
    """Makes assets in one job, then sends shards of the runs through the phases."""

    name = "phases"
    settings = SETTINGS["phases"]
    refuses_misspelt = True
    config_template = "command.yaml"
    uses_seed = True
    #: Phases that a package has: names ``module:Class``, classes, or mappings as in the ledger.
    phases: ClassVar[tuple[Any, ...]] = ()
    _plan: Plan | None = None

    @classmethod
    def settings_faults(cls, settings: Mapping[str, Any], root: Path) -> Iterable[Fault]:
        """Return faults of the settings: of the phases' parameters and links, and of the runs."""
        if (mode := settings.get("files", "auto")) not in MODES:
            yield mode_fault(mode)
        yield from seed_faults(settings)
        shards = settings.get("shards", 1)
        if isinstance(shards, bool) or not isinstance(shards, int) or shards < 1:
            why = f"should be a whole number, at least 1, not {quoted(shards)}"
            yield Fault(("shards",), why, final=True)
        for key in ("runs", "skip runs"):
            try:
                numbers(settings.get(key) or [])
            except AsimovError as error:
                yield Fault((key,), error.message, error.hint, final=True)
        try:
            recipe = recipe_of(settings, root, cls.phases)
        except AsimovError as error:  # a script may follow
            yield _fault(error)._replace(final=not error.message.startswith("script: there is no"))
            return
        if not imports_modules(root):
            return  # a command that acts checks them
        try:
            known = checked(recipe, root)
        except AsimovError as error:
            yield _fault(error)
            return
        for path, why in known.slips:
            yield Fault(("phases", *path), why)
        try:
            runs_of(settings, traces_of(settings, root, known))
        except AsimovError as error:
            yield _fault(error)

    # --- jobs

    def nodes(self) -> list[Node]:
        """Return the job that makes the assets, and one for each shard."""
        plan = self._planned()
        worker = ("-m", "asimov.phases.worker")
        common = [Input(str(self._root / each), form="--code={}") for each in plan.checked.code]
        if script := plan.recipe.get("script"):
            common.append(Input(script, form="--script={}"))
        files = [Input(each, form="--file={}") for each in plan.files]
        active = zip(plan.checked.assets, plan.checked.active, strict=True)
        folders = [folder for folder, is_active in active if is_active]
        recipe = Input(str(self.run_file(_RECIPE)))
        assets = Node(
            "assets",
            sys.executable,
            [*worker, "assets", recipe, *common, *files],
            outputs=[str(PICKLE), *folders],
        )
        shards = [
            self._shard(number, runs, plan, [*worker, "shard"], common, files, folders)
            for number, runs in enumerate(plan.shards)
        ]
        return [assets, *shards]

    def _shard(
        self,
        number: int,
        runs: Mapping[int, str],
        plan: Plan,
        worker: list[str],
        common: list[Input],
        files: list[Input],
        folders: list[str],
    ) -> Node:
        name = f"shard-{number + 1}"
        traces = [Input(str(Path(plan.traces, f"{form_run_string(run)}.h5"))) for run in runs]
        arguments: list[str | Input] = [
            *worker,
            Input(str(self.run_file(f"{name}.json"))),
            Input(str(self.run_file(str(PICKLE)))),
            Input(traces[0].path, form="--trace={}"),
            *common,
        ]
        inputs = [*traces, *files]
        done: list[int] = []
        missing = self._incomplete(runs)
        if missing or not is_done(self.rundir, name, runs):  # one that ended well stays as it was
            done = [run for run in runs if run not in missing]
        if done:
            arguments.append(f"--done={ranges(done)}")
        if not isinstance(self._staging(), InPlace):
            left = [run for run in runs if run not in done]
            arguments += [
                Input(str(self.run_file(each)), form=f"--place={each}={{}}")
                for each in (*folders, *self._earlier(left, plan))
            ]
        return Node(
            name, sys.executable, arguments, inputs=inputs,
            outputs=[str(SHARDS / f"{name}.json")], after=["assets"],
        )  # fmt: skip

    def _earlier(self, runs: Iterable[int], plan: Plan) -> list[str]:
        """Return what phases that are not active have made of runs, in the run directory."""
        checked = plan.checked
        folders = [f for f, on in zip(checked.artifacts, checked.active, strict=True) if not on]
        found = []
        for name in map(form_run_string, runs):
            for folder in map(self.run_file, folders):
                paths = sorted([*folder.glob(f"{name}.*"), *folder.glob(f"{name}_*")])
                found += [str(path.relative_to(self.rundir)) for path in paths]
        return found

    def build_dag(self, dryrun: bool = False) -> None:
        """Write the plan, the part of each job, and the jobs."""
        self._plan = self._made_plan()
        recipe = {**self._plan.recipe, "seed": self._plan.seed}
        texts = {_PLAN: msgspec.json.encode(self._plan).decode(), _RECIPE: json.dumps(recipe)}
        for number, runs in enumerate(self._plan.shards):
            part = {
                "name": f"shard-{number + 1}",
                "seed": self._plan.seed,
                "prefix": f"{self._plan.prefix}{number + 1}-",
                "runs": runs,
            }
            texts[f"{part['name']}.json"] = json.dumps(part)
        for name, text in texts.items():
            if dryrun:
                print(f"write {self.run_file(name)}:\n{text}")
            else:
                write_atomically(self.run_file(name), text + "\n", sync=False)
        super().build_dag(dryrun)

    @property
    def _root(self) -> Path:
        return Path(self.production.workspace.project.root)

    def _made_plan(self) -> Plan:
        if self.seed is None:
            raise AsimovError("seed: there is none; build the configuration again")
        return planned(self.production.meta, self._root, self.phases, str(self.rundir), self.seed)

    def _planned(self) -> Plan:
        """Return the plan of the last build; without one, a new one."""
        if self._plan is None:
            try:
                self._plan = msgspec.json.decode(self.run_file(_PLAN).read_bytes(), type=Plan)
            except (OSError, msgspec.MsgspecError):
                self._plan = self._made_plan()
        return self._plan

    # --- results

    def kept(self, node: Node) -> list[str]:
        """Keep the results of the runs of a shard that are complete; the job knows which."""
        return _KEPT if node.after else []

    def paths_to_clean(self) -> list[Path] | None:
        """Return what to move aside; what phases made that are not active now stays.

        So do runs that are complete if others lost their artifacts after all jobs had ended well.
        """
        paths = super().paths_to_clean()
        if paths is not None:
            return paths
        try:
            shards = self._planned().shards
            left = sum(len(self._incomplete(runs)) for runs in shards)
            if 0 < left < sum(map(len, shards)):
                return list(others(self.rundir, set(map(Path, _KEPT))))
            known = checked(recipe_of(self.production.meta, self._root, self.phases), self._root)
        except AsimovError:
            return None
        folders = zip(known.artifacts, known.assets, known.active, strict=True)
        kept = {each for artifacts, assets, on in folders if not on for each in (artifacts, assets)}
        if not kept or not self.rundir.is_dir():
            return None
        inside = self.run_file(str(WORKSPACE))
        found = [each for each in self.rundir.iterdir() if each != inside]
        if inside.is_dir():
            found += [
                each for each in inside.iterdir() if str(each.relative_to(self.rundir)) not in kept
            ]
        return found

    @property
    def would_fail_again(self) -> bool:
        """Whether a run has failed in a phase; a job that was killed is worth another try."""
        shards = range(1, len(self._planned().shards) + 1)
        return any(self.run_file(str(failures_of(f"shard-{each}"))).exists() for each in shards)

    def missing_of(self, node: Node) -> list[str]:
        """Return what is missing of a node: of a shard its incomplete runs, by number."""
        missing = super().missing_of(node)
        if not node.after:
            return missing
        left = self._incomplete(self._planned().shards[int(node.name.removeprefix("shard-")) - 1])
        return [f"{'runs' if len(left) > 1 else 'run'} {ranges(left)}"] if left else missing

    def _incomplete(self, runs: Mapping[int, str]) -> list[int]:
        """Return the runs of a shard that are not complete, whatever the job said at its end."""
        return [
            run for run, digest in runs.items()
            if not is_complete(record_of(self.rundir, run), digest, self.rundir)
        ]  # fmt: skip

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the artifacts of complete runs by name: a path for each run, in order."""
        found: dict[str, list[str]] = {}
        for run in sorted(run for shard in self._planned().shards for run in shard):
            record = record_of(self.rundir, run)
            for name, path in record.artifacts.items() if record else ():
                file = self.run_file(path)
                if file.exists():
                    found.setdefault(name, []).append(str(file))
        return dict(found)


def _fault(error: AsimovError) -> Fault:
    key, _, message = error.message.partition(": ")
    return Fault((key,), message, error.hint)
