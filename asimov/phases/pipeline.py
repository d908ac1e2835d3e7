"""A pipeline of phases: their order, which ones are active, and where they read and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.errors import AsimovError
from asimov.phases import one_run
from asimov.phases.log_files import logger
from asimov.phases.messages import complete
from asimov.phases.runs import trace_file
from asimov.phases.schemas import difference

if TYPE_CHECKING:
    from multiprocessing import SimpleQueue
    from multiprocessing.shared_memory import SharedMemory

    from numpy.random import SeedSequence

    from asimov.phases.messages import StatusMessage


class Pipeline:
    """Phases through which every run goes, one after another.

    Parameters
    ----------
    phases
        The phases: instances of `PhaseLike`, or of another package's class with the same methods.
    active
        For each phase whether it runs. One that does not is only asked where its results lie.
    workspace_path
        The folder of all assets and results.
    trace_path
        The folder with the data of the runs: ``run_0007.h5``.

    Attributes
    ----------
    phases, active, workspace, traces
        What was given.
    """

    def __init__(
        self,
        phases: Sequence[Any],
        active: Sequence[bool],
        workspace_path: str | Path,
        trace_path: str | Path,
    ) -> None:
        self.phases = phases
        self.active = active
        self.workspace = Path(workspace_path)
        self.traces = Path(trace_path)

    def create_workspace(self) -> None:
        """Make the workspace and both folders of every phase, unless they are there."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        for phase in self.phases:
            phase.get_asset_storage_path(self.workspace).mkdir(parents=True, exist_ok=True)
            phase.get_artifact_path(self.workspace).mkdir(parents=True, exist_ok=True)

    def create_assets(self) -> bool:
        """Have each active phase make its assets, in order; stop with False at one that can't."""
        return all(phase.create_assets(self.workspace) for phase in self._active())

    def make_assets(self) -> None:
        """Do what `create_assets` does; say which phase can't.

        Raises
        ------
        AsimovError
            If a phase can't make its assets.
        """
        for phase in self._active():
            try:
                made = phase.create_assets(self.workspace)
            except (Exception, SystemExit) as error:
                logger().exception("%s: no assets", phase.name)
                raise AsimovError(f"{phase.name}: create_assets failed: {error!r}") from error
            if not made:
                raise AsimovError(
                    f"{phase.name}: create_assets returned False, so nothing was run",
                    hint="what the phase has logged may say why",
                )

    def create_shared_data(self, handles: dict[str, SharedMemory]) -> None:
        """Have each active phase make its shared memory.

        Parameters
        ----------
        handles
            Takes the blocks by their names.
        """
        for phase in self._active():
            phase.create_shared_data(self.workspace, handles)

    def validate(self) -> dict[str, bool]:
        """Return for each link, such as ``CloudPhase->ClusterPhase``, whether it holds.

        The first phase is not checked: only its author knows what the data are.
        """
        links = {}
        schema = self.phases[0].outgoing_schema if self.phases else None
        for before, phase in zip(self.phases, self.phases[1:], strict=False):
            linked, schema = phase.validate(schema)
            links[f"{before}->{phase}"] = bool(linked)
        return links

    def check(self) -> None:
        """Refuse a pipeline that can't work, before anything is made.

        Raises
        ------
        AsimovError
            If two phases have one name, or don't link, or `active` has another length.
        """
        if not self.phases:
            raise AsimovError("the pipeline has no phases")
        if len(self.active) != len(self.phases):
            raise AsimovError(
                f"the pipeline has {len(self.phases)} phases and {len(self.active)} values"
                " of 'active'"
            )
        counted = Counter(str(phase.name) for phase in self.phases)
        if twice := [name for name, count in counted.items() if count > 1]:
            raise AsimovError(
                f"two phases have the name {twice[0]!r}",
                hint="their folders would be the same: give one of them another name",
            )
        broken = [link for link, holds in self.validate().items() if not holds]
        if broken:
            raise AsimovError("; ".join(self._two_sides(link) for link in broken))

    def run(
        self,
        run_list: Sequence[int],
        msg_queue: SimpleQueue[StatusMessage],
        seed: SeedSequence,
    ) -> list[one_run.Failure]:
        """Send runs through all phases, in the order given.

        One random generator serves all of them in turn. A run without data is passed over; a run
        that fails does not stop those behind it.

        Parameters
        ----------
        run_list
            The numbers of the runs.
        msg_queue
            Takes the phases' messages, and ``Complete`` at the end.
        seed
            Of the random generator.

        Returns
        -------
        list of Failure
            The runs that failed.
        """
        from numpy.random import default_rng

        rng = default_rng(seed)
        there = [run for run in run_list if trace_file(self.traces, run).exists()]
        ended = [one_run.process(self, run, msg_queue, rng) for run in there]
        msg_queue.put(complete())
        return [each.failure for each in ended if each.failure is not None]

    def _active(self) -> list[Any]:
        return [phase for phase, on in zip(self.phases, self.active, strict=True) if on]

    def _two_sides(self, link: str) -> str:
        for before, phase in zip(self.phases, self.phases[1:], strict=False):
            if f"{before}->{phase}" == link:
                sides = difference(before.outgoing_schema, phase.incoming_schema)
                return f"{link} do not link: {sides}"
        return f"{link} do not link"


def understood(pipeline: Any) -> Pipeline:
    """Return a pipeline of another package as one of ours; the phases stay as they are."""
    if isinstance(pipeline, Pipeline):
        return pipeline
    return Pipeline(pipeline.phases, pipeline.active, pipeline.workspace, pipeline.traces)
