"""A phase for tests of the pipeline ``phases``: it draws a number for each run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asimov.phases import PhaseLike, PhaseResult, StatusMessage, form_run_string

if TYPE_CHECKING:
    from multiprocessing import SimpleQueue

    from numpy.random import Generator


class Draw(PhaseLike):
    """Draws a number for each run."""

    def __init__(self) -> None:
        super().__init__("Draw")

    def create_assets(self, workspace_path: Path) -> bool:
        """Make what all runs need; there is nothing."""
        return True

    def construct_artifact(self, payload: PhaseResult, workspace_path: Path) -> PhaseResult:
        """Return where the number of a run lies."""
        path = self.get_artifact_path(workspace_path) / f"{form_run_string(payload.run_number)}.txt"
        return PhaseResult({"number": path}, True, payload.run_number)

    def run(
        self,
        payload: PhaseResult,
        workspace_path: Path,
        msg_queue: SimpleQueue[StatusMessage],
        rng: Generator,
    ) -> PhaseResult:
        """Draw the number of a run."""
        result = self.construct_artifact(payload, workspace_path)
        result.artifacts["number"].write_text(f"{rng.random()!r}\n")
        return result
