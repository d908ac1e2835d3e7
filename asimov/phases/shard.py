"""Run one shard, a job's share of the runs: those still missing, with a record of each.

All paths are relative to the working directory of the job.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from asimov.phases.log_files import logger
from asimov.phases.one_run import Ended, Failure, put_aside_after
from asimov.phases.packed import Packed, packed
from asimov.phases.pipeline import Pipeline
from asimov.phases.process import Work
from asimov.phases.run_records import (
    RunRecord,
    file_of,
    is_complete,
    is_empty,
    record_of,
    write_record,
)
from asimov.phases.shared_blocks import shared_data
from asimov.phases.supervision import run_stacks
from asimov.system.files import write_atomically

#: The folders in the working directory: of the pipeline, and of the ends of shards.
WORKSPACE, SHARDS = Path("workspace"), Path("shards")
#: How often progress is written at most, in seconds.
_EVERY = 1.0


def is_done(folder: Path, shard: str, runs: Mapping[int, str]) -> bool:
    """Return whether a shard has ended well with these runs, each with its digest."""
    try:
        ended = json.loads((folder / SHARDS / f"{shard}.json").read_text())
        return bool(ended["runs"] == {str(run): digest for run, digest in runs.items()})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def failures_of(shard: str) -> Path:
    """Return the file with the runs of a shard that have failed; it is there if any have."""
    return SHARDS / f"{shard}.failed.json"


def append_progress(fraction: float, step: str) -> None:
    """Append a line to the job's progress file, if it has one.

    Parameters
    ----------
    fraction
        How much is done, from 0 to 1.
    step
        What is being done.
    """
    if file := os.environ.get("ASIMOV_PROGRESS"):
        with Path(file).open("a") as stream:
            stream.write(f"{fraction:.4f} {' '.join(step.split())}\n")


class _Notes:
    """Notes down what happens to runs: in their records, and as progress."""

    def __init__(self, digests: Mapping[int, str], total: int) -> None:
        self._digests, self._total = digests, total
        self._ended = total - len(digests)
        self._run: tuple[int, int, int, str] | None = None
        self._part = 0.0
        self._step: str | None = None
        self._written = 0.0

    def entered(self, run: int, place: int, phases: int, phase: str) -> None:
        self._run, self._part = (run, place, phases, phase), 0.0
        self._note(phase)

    def said(self, message: Any) -> None:
        if self._run is None or message.run != self._run[0]:
            return  # a late one
        if message.total:
            self._part = min(1.0, self._part + message.increment / message.total)
        self._note(str(message.phase))

    def ended(self, end: Ended) -> None:
        if end.failure is None:
            artifacts = {name: os.path.relpath(path) for name, path in end.artifacts.items()}
            empty = [name for name, path in end.artifacts.items() if is_empty(path)]
            write_record(end.run, RunRecord(self._digests[end.run], None, artifacts, empty))
        else:
            file_of(Path(), end.run).unlink(missing_ok=True)
        self._ended += 1
        self._run, self._part = None, 0.0
        self._note(f"run {end.run} ended", at_once=True)

    def _note(self, step: str, *, at_once: bool = False) -> None:
        """Append a line of progress, unless the last one is very recent."""
        now = time.monotonic()
        if not at_once and now - self._written < _EVERY:
            return
        self._written = now
        done = float(self._ended)
        if self._run is not None:
            run, place, phases, _ = self._run
            done += (place + self._part) / phases
            step = f"run {run}, {step}"
        append_progress(done / self._total, step)


def run_shard(
    plan: Mapping[str, Any], content: Packed, traces: Path, done: Collection[int] = ()
) -> list[Failure]:
    """Run what is missing of a shard; return the runs that failed.

    Parameters
    ----------
    plan
        ``name``, ``seed``, ``prefix``, and ``runs``: the digest of each run by its number.
    content
        The packed pipeline, with the state that `create_assets` has left.
    traces
        The folder of the data.
    done
        Runs that are known to be complete.
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
        if run in done or is_complete(record, digest):
            continue
        if record is not None and record.phase is not None:  # the job was killed in this phase
            aside = put_aside_after(pipeline, run, record.phase)
            logger().warning("run %d was cut short; put aside: %s", run, aside)
        left[run] = digest
    failures: list[Failure] = []
    if left:
        notes = _Notes(left, len(digests))
        with shared_data(pipeline, plan["prefix"]):
            again = packed(pipeline, Path(content.script) if content.script else None)
            work = Work(again, plan["seed"], plan["prefix"], None, left)
            failures = run_stacks(pipeline, [list(left)], [work], [notes])
    SHARDS.mkdir(exist_ok=True)
    if failures:
        rows = [{"run": each.run, "phase": each.phase, "reason": each.reason} for each in failures]
        write_atomically(failed, json.dumps(rows, indent=1) + "\n")
    else:
        text = json.dumps({"seed": plan["seed"], "runs": plan["runs"]})
        write_atomically(SHARDS / f"{plan['name']}.json", text + "\n")
    return failures
