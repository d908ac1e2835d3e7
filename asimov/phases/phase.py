"""The base class of phases, the steps of a pipeline: what an author implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.phases.results import PhaseResult

if TYPE_CHECKING:
    from multiprocessing import SimpleQueue
    from multiprocessing.shared_memory import SharedMemory

    from numpy.random import Generator

    from asimov.phases.messages import StatusMessage
    from asimov.phases.schemas import ResultSchema


class PhaseLike(ABC):
    """One step that every run goes through.

    What `create_assets` and `create_shared_data` set on the phase is there in `run`, also in
    other processes and on other machines: a phase must survive `pickle`.

    Parameters
    ----------
    name
        Its name, unique in a pipeline; its folders in the workspace have it.
    incoming_schema
        What it expects of the phase before; None takes anything.
    outgoing_schema
        What it makes; None fits any phase behind it.
    """

    def __init__(
        self,
        name: str,
        incoming_schema: ResultSchema | None = None,
        outgoing_schema: ResultSchema | None = None,
    ) -> None:
        self.name = name
        self.incoming_schema = incoming_schema
        self.outgoing_schema = outgoing_schema

    def __str__(self) -> str:
        return f"{self.name}Phase"

    @abstractmethod
    def create_assets(self, workspace_path: Path) -> bool:
        """Make what all runs need, once, before anything runs.

        Parameters
        ----------
        workspace_path
            The workspace; the phase's own folder in it is `get_asset_storage_path`.

        Returns
        -------
        bool
            False if the phase can't work; then nothing runs.
        """

    def create_shared_data(  # noqa: B027  (most phases have none)
        self, workspace_path: Path, handles: dict[str, SharedMemory]
    ) -> None:
        """Put large data that all runs only read into shared memory; by default there is none.

        Called after `create_assets`, on each machine.

        Parameters
        ----------
        workspace_path
            The workspace.
        handles
            Takes every block by its name. All are closed and unlinked at the end.
        """

    @abstractmethod
    def construct_artifact(self, payload: PhaseResult, workspace_path: Path) -> PhaseResult:
        """Return where the results of a run lie, or would lie, without making them.

        A phase that is not active is asked for nothing else.

        Parameters
        ----------
        payload
            The result of the phase before.
        workspace_path
            The workspace.
        """

    @abstractmethod
    def run(
        self,
        payload: PhaseResult,
        workspace_path: Path,
        msg_queue: SimpleQueue[StatusMessage],
        rng: Generator,
    ) -> PhaseResult:
        """Process one run and return its result.

        An exception fails the run, and so does a last result that is not successful. A successful
        result names only artifacts that the phase has written or was handed.

        Parameters
        ----------
        payload
            The result of the phase before; the first phase gets the file of the run, as
            ``trace``.
        workspace_path
            The workspace; the phase's own folder in it is `get_artifact_path`.
        msg_queue
            Takes a `StatusMessage` now and then.
        rng
            The source of all random numbers, so that the run can be repeated.
        """

    def get_artifact_path(self, workspace_path: Path) -> Path:
        """Return the folder of the phase's results."""
        return Path(workspace_path, self.name)

    def get_asset_storage_path(self, workspace_path: Path) -> Path:
        """Return the folder of what `create_assets` makes."""
        return Path(workspace_path, f"{self.name}_assets")

    def validate(self, incoming: Any) -> tuple[bool, Any]:
        """Return whether the phase links to the one before, and its own outgoing schema.

        Parameters
        ----------
        incoming
            The outgoing schema of the phase before; None links to anything.
        """
        expected = self.incoming_schema
        linked = incoming is None or expected is None or bool(expected == incoming)
        return linked, self.outgoing_schema
