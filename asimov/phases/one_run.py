"""Send one run (numbered input) through the phases of a pipeline; report which phase failed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from asimov import text
from asimov.phases.aside import put_aside
from asimov.phases.log_files import logger
from asimov.phases.results import PhaseResult, understood
from asimov.phases.runs import trace_file

if TYPE_CHECKING:
    from numpy.random import Generator


class Chain(Protocol):
    """What a run goes through; the attributes are those of a `Pipeline`."""

    phases: Sequence[Any]
    active: Sequence[bool]
    workspace: Path
    traces: Path


@dataclass(frozen=True)
class Failure:
    """A run that failed.

    Attributes
    ----------
    run
        Its number.
    phase
        The name of the phase that failed first.
    reason
        Why, in one line.
    traceback
        Of the exception; empty if there was none.
    aside
        The renamed artifacts of the phase and of those behind it.
    """

    run: int
    phase: str
    reason: str
    traceback: str = ""
    aside: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        return f"run {self.run}: {self.phase}: {self.reason}"


@dataclass(frozen=True)
class Ended:
    """The end of a run.

    Attributes
    ----------
    run
        Its number.
    artifacts
        The artifacts of all phases by name, without those that do not exist: of a phase that is
        not active, or taken away by a later one.
    failure
        Why it failed; None if it did not.
    """

    run: int
    artifacts: dict[str, Path] = field(default_factory=dict)
    failure: Failure | None = None


def process(
    pipeline: Chain,
    run: int,
    msg_queue: Any,
    rng: Generator,
    entered: Callable[[int, int, str], None] | None = None,
) -> Ended:
    """Send a run through all phases; never raises because of the run.

    Parameters
    ----------
    pipeline, run, msg_queue, rng
        As of `Pipeline.run`.
    entered
        Called before each active phase: its place among them from 0, their number, its name.
        It may raise nothing.
    """
    trace = trace_file(pipeline.traces, run)
    if not trace.exists():
        failure = Failure(run, "no phase", f"there are no data: {trace}")
        logger().error("%s", failure)
        return Ended(run, {}, failure)
    history = _History(pipeline, run)
    payload: Any = PhaseResult({"trace": trace}, True, run)
    artifacts: dict[str, Path] = {}
    active = sum(map(bool, pipeline.active))
    done = 0
    try:
        for phase, is_active in zip(pipeline.phases, pipeline.active, strict=True):
            history.enter(phase, payload, bool(is_active))
            if is_active:
                if entered is not None:
                    entered(done, active, str(phase.name))
                done += 1
                result = phase.run(payload, pipeline.workspace, msg_queue, rng)
            else:
                result = phase.construct_artifact(payload, pipeline.workspace)
            given, payload = payload, understood(result)
            history.leave(payload)
            if is_active and payload.successful and (lacking := _not_written(payload, given)):
                return Ended(run, {}, history.lacking(lacking))
            artifacts |= {str(name): Path(path) for name, path in payload.artifacts.items()}
    except (Exception, SystemExit) as error:
        return Ended(run, {}, history.raised(error))
    if history.blamed is not None:
        return Ended(run, {}, history.failed("was not successful"))
    made = {name: path for name, path in artifacts.items() if path != trace and path.exists()}
    return Ended(run, made)


def put_aside_after(pipeline: Chain, run: int, name: str) -> list[Path]:
    """Put aside what a phase left of a run in which its process ended.

    Parameters
    ----------
    pipeline, run
        The pipeline and the run.
    name
        The name of the phase that ran.
    """
    payload: Any = PhaseResult({"trace": trace_file(pipeline.traces, run)}, True, run)
    history = _History(pipeline, run)
    try:
        for phase in pipeline.phases:
            history.enter(phase, payload, True)
            if phase.name == name:
                return history.aside()
            payload = understood(phase.construct_artifact(payload, pipeline.workspace))
    except Exception as error:
        logger().warning("nothing of run %d is put aside: %r", run, error)
    return []


class _History:
    """The history of a run: the phase that failed first, and which phase wrote which file."""

    def __init__(self, pipeline: Chain, run: int) -> None:
        self._workspace, self._run = pipeline.workspace, run
        #: The phase that failed, while no later one has made up for it.
        self.blamed: str | None = None
        #: Files of phases that did not fail; they stay.
        self._whole: set[Path] = set()
        #: Files of the phase that failed, and of those behind it.
        self._doubtful: dict[Path, None] = {}
        self._inside: tuple[Any, Any, bool]

    def enter(self, phase: Any, payload: Any, active: bool) -> None:
        """Note that a phase begins."""
        if self.blamed is None:
            self._whole.update(_files(payload))
        self._inside = (phase, payload, active)

    def leave(self, result: Any) -> None:
        """Note what the phase returned."""
        phase, _, active = self._inside
        if not result.successful:
            self.blamed = self.blamed or str(phase.name)
            self._doubt(result)
        elif active:  # one that is not active has done nothing to make up for a failure
            self.blamed = None
            self._doubtful.clear()

    def raised(self, error: BaseException) -> Failure:
        """Return the failure of a run in which the phase raised an exception."""
        phase = self._inside[0]
        reason = _said(error)
        if self.blamed is not None:
            reason = f"was not successful; then {phase.name}: {reason}"
        self.blamed = self.blamed or str(phase.name)
        self._doubt(None)
        return self.failed(reason, traceback.format_exc())

    def lacking(self, path: Path) -> Failure:
        """Return the failure of a run in which the phase made no file where it says that one is."""
        self.blamed = str(self._inside[0].name)
        self._doubt(None)
        return self.failed(f"said that it was successful, but there is no {path}")

    def aside(self) -> list[Path]:
        """Put the files of the present phase aside, and those that were doubtful before."""
        self._doubt(None)
        return put_aside(self._doubtful)

    def failed(self, reason: str, trace: str = "") -> Failure:
        """Put doubtful files aside, log the failure and return it."""
        aside = put_aside(self._doubtful)
        failure = Failure(self._run, self.blamed or "", reason, trace, aside)
        said = f"; put aside: {', '.join(map(str, aside))}" if aside else ""
        logger().error("%s%s%s", failure, said, f"\n{trace}" if trace else "")
        return failure

    def _doubt(self, result: Any) -> None:
        """Doubt what the phase returned, and what lies where it says that its results lie."""
        phase, payload, active = self._inside
        if not active:
            return  # it made nothing
        files = [*_files(result)]
        try:
            files += _files(phase.construct_artifact(payload, self._workspace))
        except Exception as error:  # it may need what the payload lacks
            logger().debug("%s does not say where its results lie: %r", phase, error)
        for path in files:
            ours = path.absolute().is_relative_to(self._workspace.absolute())
            if ours and path not in self._whole:
                self._doubtful[path] = None


def _not_written(result: Any, given: Any) -> Path | None:
    """Return the first artifact of a result that does not exist; None if all do.

    What a phase only hands on may be missing: one that is not active made it long ago.
    """
    own = (path for path in _files(result) if path not in _files(given))
    return next((path for path in own if not path.exists()), None)


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return text.line(f"{type(error).__name__}: {lines[-1]}" if lines else repr(error))


def _files(result: Any) -> list[Path]:
    artifacts = getattr(result, "artifacts", None) or {}
    return [Path(each) for each in artifacts.values() if isinstance(each, (str, Path))]
