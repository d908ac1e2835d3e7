"""What one phase of a pipeline hands to the next: the files of a run, and whether it succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class PhaseResult:
    """What a phase hands on to the next.

    Parameters
    ----------
    artifacts
        The files by the names of their artifacts.
    successful
        Whether the phase did its work.
    run_number
        The number of the run.
    metadata
        Anything else, for the next phase.
    """

    artifacts: dict[str, Path]
    successful: bool
    run_number: int
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def invalid_result(cls, run_number: int) -> PhaseResult:
        """Return the result of a phase that failed: no artifacts."""
        return cls({}, False, run_number)

    @property
    def artifact_path(self) -> Path | None:
        """The only artifact, or the first of several; None if there is none."""
        return next(iter(self.artifacts.values()), None)


def understood(result: Any) -> Any:
    """Return a result with all attributes that a phase may read.

    Other packages have results of their own, without ``metadata`` and ``artifact_path``.

    Parameters
    ----------
    result
        What a phase returned.

    Raises
    ------
    TypeError
        If it is no result.
    """
    artifacts = getattr(result, "artifacts", None)
    lacking = [each for each in ("successful", "run_number") if not hasattr(result, each)]
    if lacking or not isinstance(artifacts, Mapping):
        raise TypeError(f"it returned {type(result).__name__}, not a PhaseResult")
    if hasattr(result, "metadata") and hasattr(result, "artifact_path"):
        return result
    metadata = getattr(result, "metadata", None)
    whole = PhaseResult(
        result.artifacts, result.successful, result.run_number, {} if metadata is None else metadata
    )
    for name, value in getattr(result, "__dict__", {}).items():
        if not hasattr(whole, name):
            setattr(whole, name, value)
    return whole
