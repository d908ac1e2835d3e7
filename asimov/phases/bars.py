"""Progress bars of phases on a terminal, one for each process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asimov import text

if TYPE_CHECKING:
    from rich.progress import Progress

    from asimov.phases.one_run import Ended


class Bar:
    """The bar of one process.

    Parameters
    ----------
    progress
        All bars.
    process
        The number of the process.
    runs
        How many runs it has.
    """

    def __init__(self, progress: Progress, process: int, runs: int) -> None:
        self._progress, self._process, self._runs = progress, process, runs
        self._ended = 0
        self._shown: tuple[int, str] | None = None
        self._bar = progress.add_task(f"process {process}: waiting", total=None, count="")

    def entered(self, run: int, place: int, phases: int, phase: str) -> None:
        """Begin again: a run has come to a phase."""
        self._begin(run, phase, 1)

    def said(self, message: Any) -> None:
        """Move the bar forward by what a phase says."""
        phase = str(message.phase)
        if self._shown != (message.run, phase) or message.total:
            self._begin(message.run, phase, message.total or 1)
        self._progress.advance(self._bar, message.increment)

    def ended(self, end: Ended) -> None:
        """Count a run that has ended; a failure is printed above the bars."""
        self._ended += 1
        self._progress.reset(self._bar, total=1, completed=1)
        self._progress.update(self._bar, count=f"{self._ended}/{self._runs} runs")
        if end.failure is not None:
            self._progress.console.print(
                text.line(f"failed: {end.failure}"), markup=False, highlight=False
            )

    def _begin(self, run: int, phase: str, total: int) -> None:
        if self._shown != (run, phase):
            words = text.line(f"process {self._process}: run {run}, {phase}")
            self._progress.reset(self._bar, total=total, description=words)
            self._shown = (run, phase)
        else:
            self._progress.update(self._bar, total=total)


@contextmanager
def bars(stacks: list[list[int]], *, hidden: bool = False) -> Iterator[list[Bar]]:
    """Show a bar for each process within the block.

    Parameters
    ----------
    stacks
        The runs of each process.
    hidden
        Whether nothing is drawn.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, disable=hidden) as progress:
        yield [Bar(progress, number, len(stack)) for number, stack in enumerate(stacks)]
