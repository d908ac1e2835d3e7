"""Process runs with a pipeline of phases on this machine, without a project; show progress."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from asimov import text
from asimov.errors import ReportedError
from asimov.phases.bars import bars
from asimov.phases.log_files import PARENT, file_of, log_to, logger
from asimov.phases.one_run import Failure
from asimov.phases.packed import packed
from asimov.phases.pipeline import Pipeline, understood
from asimov.phases.process import Work
from asimov.phases.runs import dealt, with_data
from asimov.phases.shared_blocks import prefix_of_process, shared_data
from asimov.phases.supervision import run_stacks

#: How many runs that failed the last message lists.
_LISTED = 20


def generate_assets(pipeline: Any) -> None:
    """Make the workspace of a pipeline and its assets, and nothing else.

    Raises
    ------
    SystemExit
        If the phases don't link, or one of them can't make its assets.
    """
    whole = understood(pipeline)
    _checked(whole.check)
    whole.create_workspace()
    _checked(whole.make_assets)


def start_pipeline(
    pipeline: Any,
    run_min: int,
    run_max: int,
    n_procs: int = 1,
    disable_display: bool = False,
    runs_to_skip: list[int] | None = None,
    seed: int | None = None,
) -> None:
    """Send runs through a pipeline, on several processes of this machine.

    Each process writes a log file in the folder ``log`` of the workspace. A run that fails does
    not stop the others; its half-written artifact is renamed.

    Parameters
    ----------
    pipeline
        The pipeline, ours or another package's.
    run_min, run_max
        The first run and the last. Runs without data are left out.
    n_procs
        How many processes there are at most.
    disable_display
        Whether to show no progress bars.
    runs_to_skip
        Runs to leave out.
    seed
        A whole number from 0, from which each run gets random numbers of its own, the same on any
        number of processes. By default one is drawn; the log has it.

    Raises
    ------
    SystemExit
        If the phases don't link, an asset can't be made, no runs are found, or a run failed.
    """
    whole = understood(pipeline)
    _checked(whole.check)
    if n_procs < 1:
        raise SystemExit(f"error: n_procs should be 1 or more, not {n_procs}")
    if seed is None:
        seed = secrets.randbits(64)
    whole.create_workspace()
    with log_to(file_of(whole.workspace, PARENT)):
        failures = _run(whole, run_min, run_max, n_procs, disable_display, runs_to_skip, seed)
    if failures:
        raise SystemExit(summary(failures))


def _run(
    pipeline: Pipeline,
    run_min: int,
    run_max: int,
    n_procs: int,
    disable_display: bool,
    runs_to_skip: Iterable[int] | None,
    seed: int,
) -> list[Failure]:
    logger().info("Seed: %d", seed)
    _checked(pipeline.make_assets)
    wanted = set(range(run_min, run_max + 1)) - set(runs_to_skip or ())
    stacks = dealt(with_data(pipeline.traces, sorted(wanted)), n_procs)
    logger().info("Run stacks: %s", stacks)
    if not stacks:
        _end(
            f"no runs from {run_min} to {run_max} were found in {pipeline.traces}:"
            " they should be called run_0001.h5 and so on, and not be empty"
        )
    prefix = prefix_of_process()
    with shared_data(pipeline, prefix), bars(stacks, hidden=disable_display) as shown:
        content = _checked(lambda: packed(pipeline))
        works = [
            Work(content, seed, prefix, file_of(pipeline.workspace, number))
            for number in range(len(stacks))
        ]
        failures = run_stacks(pipeline, stacks, works, shown)
    for failure in failures:
        logger().error("%s", failure)
    total = sum(map(len, stacks))
    logger().info("%d of %d runs ended well", total - len(failures), total)
    return failures


def _checked(check: Callable[[], Any]) -> Any:
    try:
        return check()
    except ReportedError as error:
        _end(str(error), error.hint)


def _end(reason: str, hint: str | None = None) -> NoReturn:
    if logger().hasHandlers():  # there is a log already
        logger().error("%s", reason)
    raise SystemExit(f"error: {text.line(reason)}" + (f"\nhint: {hint}" if hint else ""))


def summary(failures: list[Failure]) -> str:
    """Return the runs that failed as text, a line each, and the number of all."""
    lines = [str(each) for each in failures[:_LISTED]]
    if len(failures) > _LISTED:
        lines.append("...")
    counted = "1 run" if len(failures) == 1 else f"{len(failures)} runs"
    return "\n".join([f"error: {counted} failed:", *lines])
