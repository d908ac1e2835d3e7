"""Run the shard of an analysis: its runs that are missing, with records of how each ended.

All paths are relative to the working directory of the job. A record ``runs/run_0007.json`` says
which phase a run has come to, or that it is complete, and for which settings.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from asimov.phases.log_files import logger
from asimov.phases.one_run import Ended, Failure, put_aside_after
from asimov.phases.packed import Packed, packed
from asimov.phases.pipeline import Pipeline
from asimov.phases.process import Work
from asimov.phases.runs import form_run_string
from asimov.phases.shared_blocks import shared_data
from asimov.phases.supervision import run_stacks
from asimov.system.files import write_atomically

#: The folders in the working directory: of the pipeline, of records of runs, of ends of shards.
WORKSPACE, RECORDS, SHARDS = Path("workspace"), Path("runs"), Path("shards")
#: How often progress is written at most, in seconds.
_EVERY = 1.0


class RunRecord(msgspec.Struct):
    """How far a run is.

    Attributes
    ----------
    digest
        Of what its results depend on.
    phase
        The phase that it has come to; None once it is complete.
    artifacts
        The artifacts of a complete run by name, relative to the working directory.
    """

    digest: str
    phase: str | None = None
    artifacts: dict[str, str] = {}


def record_of(folder: Path, run: int) -> RunRecord | None:
    """Return the record of a run in a run directory; None if there is none."""
    try:
        return msgspec.json.decode(_file_of(folder, run).read_bytes(), type=RunRecord)
    except (OSError, msgspec.MsgspecError):
        return None


def is_complete(record: RunRecord | None, digest: str, folder: Path = Path()) -> bool:
    """Return whether a run is complete for these settings, and its artifacts are there."""
    if record is None or record.phase is not None or record.digest != digest:
        return False
    return all((folder / each).exists() for each in record.artifacts.values())


def _file_of(folder: Path, run: int) -> Path:
    return folder / RECORDS / f"{form_run_string(run)}.json"


def failures_of(shard: str) -> Path:
    """Return the file with the runs of a shard that have failed; it is there if any have."""
    return SHARDS / f"{shard}.failed.json"


class _Notes:
    """Notes down what happens to runs: in their records, and as progress."""

    def __init__(self, digests: Mapping[int, str], total: int, progress: Path | None) -> None:
        self._digests, self._total, self._progress = digests, total, progress
        self._ended = total - len(digests)
        self._run: tuple[int, int, int, str] | None = None
        self._part = 0.0
        self._step: str | None = None
        self._written = 0.0

    def entered(self, run: int, place: int, phases: int, phase: str) -> None:
        self._write(run, RunRecord(self._digests[run], phase))
        self._run, self._part = (run, place, phases, phase), 0.0
        self._note(phase)

    def said(self, message: Any) -> None:
        if message.total:
            self._part = min(1.0, self._part + message.increment / message.total)
        self._note(str(message.phase))

    def ended(self, end: Ended) -> None:
        if end.failure is None:
            artifacts = {name: os.path.relpath(path) for name, path in end.artifacts.items()}
            self._write(end.run, RunRecord(self._digests[end.run], None, artifacts))
        else:
            _file_of(Path(), end.run).unlink(missing_ok=True)
        self._ended += 1
        self._run, self._part = None, 0.0
        self._note(f"run {end.run} ended", at_once=True)

    def _write(self, run: int, record: RunRecord) -> None:
        RECORDS.mkdir(exist_ok=True)
        write_atomically(_file_of(Path(), run), msgspec.json.encode(record).decode() + "\n")

    def _note(self, step: str, *, at_once: bool = False) -> None:
        """Append a line of progress, unless the last one is very recent."""
        now = time.monotonic()
        if self._progress is None or (not at_once and now - self._written < _EVERY):
            return
        self._written = now
        done = float(self._ended)
        if self._run is not None:
            run, place, phases, _ = self._run
            done += (place + self._part) / phases
            step = f"run {run}, {step}"
        with self._progress.open("a") as stream:
            stream.write(f"{done / self._total:.4f} {' '.join(step.split())}\n")


def run_shard(plan: Mapping[str, Any], content: Packed, traces: Path) -> list[Failure]:
    """Run what is missing of a shard; return the runs that failed.

    Parameters
    ----------
    plan
        ``name``, ``seed``, ``prefix``, and ``runs``: the digest of each run by its number.
    content
        The packed pipeline, with the state that `create_assets` has left.
    traces
        The folder of the data.
    """
    pipeline: Pipeline = content.unpacked()
    pipeline.traces = traces
    pipeline.create_workspace()
    failed = failures_of(str(plan["name"]))
    failed.unlink(missing_ok=True)
    digests = {int(run): str(digest) for run, digest in plan["runs"].items()}
    left = {}
    for run, digest in digests.items():
        record = record_of(Path(), run)
        if is_complete(record, digest):
            continue
        if record is not None and record.phase is not None:  # the job was killed in this phase
            aside = put_aside_after(pipeline, run, record.phase)
            logger().warning("run %d was cut short; put aside: %s", run, aside)
        left[run] = digest
    failures: list[Failure] = []
    if left:
        progress = os.environ.get("ASIMOV_PROGRESS")
        notes = _Notes(left, len(digests), Path(progress) if progress else None)
        with shared_data(pipeline, plan["prefix"]):
            again = packed(pipeline, Path(content.script) if content.script else None)
            work = Work(again, plan["seed"], plan["prefix"], None)
            failures = run_stacks(pipeline, [list(left)], [work], [notes])
    SHARDS.mkdir(exist_ok=True)
    if failures:
        told = [{"run": each.run, "phase": each.phase, "reason": each.reason} for each in failures]
        write_atomically(failed, json.dumps(told, indent=1) + "\n")
    else:
        text = json.dumps({"seed": plan["seed"], "runs": sorted(digests)})
        write_atomically(SHARDS / f"{plan['name']}.json", text + "\n")
    return failures
