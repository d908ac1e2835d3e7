"""Small phases for tests: they draw numbers, note what is asked of them, and fail as told.

Tests copy this file, so that processes of their own can import it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

from asimov.phases import PhaseLike, PhaseResult, ResultSchema, StatusMessage, form_run_string


@dataclass
class Scale:
    factor: float
    offset: int = 0


@dataclass
class Parameters:
    scale: Scale
    note: str = ""
    calibration: Path | None = None
    #: What goes wrong in which run: "raise", "invalid", "exit", "kill", "wait", "none",
    #: "unwritten", "empty".
    faults: dict[str, str] = field(default_factory=dict)


def schema(name, extension=".txt", **data):
    return ResultSchema(json.dumps({name: {"extension": extension, "data": data}}))


class Drawing(PhaseLike):
    """Draws a number for each run, and adds it to those of the phase before."""

    def __init__(self, parameters: Parameters, name: str = "Draw", before: str = "trace"):
        super().__init__(
            name,
            None if before == "trace" else schema(before.lower(), number="float"),
            schema(name.lower(), number="float"),
        )
        self.parameters = parameters
        self.asset = None

    def create_assets(self, workspace_path):
        self.note(workspace_path, "assets")
        self.asset = self.get_asset_storage_path(workspace_path) / "asset.txt"
        self.asset.write_text("made\n")
        return self.parameters.note != "no assets"

    def construct_artifact(self, payload, workspace_path):
        file = f"{form_run_string(payload.run_number)}.txt"
        path = self.get_artifact_path(workspace_path) / file
        return PhaseResult({self.name.lower(): path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        run = payload.run_number
        self.note(workspace_path, f"run {run}")
        if not payload.successful:
            return PhaseResult.invalid_result(run)
        result = self.construct_artifact(payload, workspace_path)
        path = result.artifact_path
        fault = self.parameters.faults.get(str(run))
        before = payload.artifact_path.read_text()
        assert self.asset.read_text() == "made\n"
        path.write_text("half")
        if fault == "raise":
            raise ValueError(f"bad event\nin run {run}")
        if fault == "invalid":
            return PhaseResult.invalid_result(run)
        if fault == "exit":
            raise SystemExit(3)
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while fault == "wait" and not Path("go").exists():
            time.sleep(0.02)
        if fault == "none":
            return None
        if fault == "unwritten":
            path.unlink()
            return result
        if fault == "empty":
            path.write_text("")
            return result
        if fault == "once" and not (marker := Path(workspace_path, "..", f"once-{run}")).exists():
            marker.touch()
            raise RuntimeError("not yet")
        for _ in range(4):
            msg_queue.put(StatusMessage(f"{self.name} of {run}", 1, 4, run))
        scale = self.parameters.scale
        number = rng.normal() * scale.factor + scale.offset
        path.write_text(f"{before.strip()} {number!r}\n")
        logging.getLogger(__name__).info("%s has done run %d", self.name, run)
        return result

    def note(self, workspace_path, what):
        if calls := os.environ.get("CALLS"):
            with Path(calls).open("a") as stream:
                stream.write(f"{self.name} {what}\n")


class Sharing(PhaseLike):
    """Reads a block of shared memory that has a fixed name, as a published phase does."""

    BLOCK = "asimov_test_block"

    def __init__(self, value: int = 7):
        super().__init__("Sharing")
        self.value = value
        self.size = 0

    def create_assets(self, workspace_path):
        return True

    def create_shared_data(self, workspace_path, handles):
        handle = SharedMemory(name=self.BLOCK, create=True, size=8)
        handles[handle.name] = handle
        handle.buf[0] = self.value
        self.size = handle.size

    def construct_artifact(self, payload, workspace_path):
        path = self.get_artifact_path(workspace_path) / f"{payload.run_number}.txt"
        return PhaseResult({"shared": path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        assert self.size, "create_shared_data was not called before"
        block = SharedMemory(name=self.BLOCK)
        result = self.construct_artifact(payload, workspace_path)
        result.artifact_path.write_text(f"{block.buf[0]}\n")
        block.close()
        return result


class Foreign:
    """A phase that is no PhaseLike of ours, with results and schemas of its own."""

    class Result:
        def __init__(self, artifacts, successful, run_number):
            self.artifacts, self.successful, self.run_number = artifacts, successful, run_number
            self.extra = "kept"

    class Artifact:
        def __init__(self, extension, data):
            self.extension, self.data = extension, data

        def __eq__(self, other):
            return self.extension == other.extension and self.data == other.data

        __hash__ = None

    class Schema:
        def __init__(self, artifacts):
            self.artifacts = artifacts

        def __eq__(self, other):
            return self.artifacts == other.artifacts

        __hash__ = None

    def __init__(self, incoming="draw", extension=".txt"):
        self.name = "Foreign"
        artifact = self.Artifact(extension, {"number": "float"})
        self.incoming_schema = self.Schema({incoming: artifact})
        self.outgoing_schema = self.Schema({"foreign": self.Artifact(".txt", {"number": "float"})})

    def __str__(self):
        return f"{self.name}Phase"

    def create_assets(self, workspace_path):
        return True

    def create_shared_data(self, workspace_path, handles):
        pass

    def get_artifact_path(self, workspace_path):
        return workspace_path / self.name

    def get_asset_storage_path(self, workspace_path):
        return workspace_path / f"{self.name}_assets"

    def validate(self, incoming):
        return incoming is None or self.incoming_schema == incoming, self.outgoing_schema

    def construct_artifact(self, payload, workspace_path):
        path = self.get_artifact_path(workspace_path) / f"run_{payload.run_number:04d}.txt"
        return self.Result({"foreign": path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        result = self.construct_artifact(payload, workspace_path)
        result.artifacts["foreign"].write_text(payload.artifacts["draw"].read_text())
        return result


def drawing(name="Draw", before="trace", factor=1.0, **more):
    return Drawing(Parameters(Scale(factor), **more), name, before)


def traces(folder, sizes):
    """Write a file for each run, with the given number of bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for run, size in sizes.items():
        (folder / f"run_{run:04d}.h5").write_text("t" * size)
    return folder
