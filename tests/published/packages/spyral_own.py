"""Two phases of a user of `attpc_spyral`: one between its own, and one behind them."""

from __future__ import annotations

import shutil

import h5py
import polars
from spyral import CLUSTER_SCHEMA, ESTIMATE_SCHEMA

from asimov.phases import PhaseLike, PhaseResult, ResultSchema, StatusMessage, form_run_string


class Smear(PhaseLike):
    """Moves the points of every cluster by a random distance, in mm."""

    def __init__(self, width: float):
        schema = ResultSchema(CLUSTER_SCHEMA)
        super().__init__("Smear", schema, schema)
        self.width = width

    def create_assets(self, workspace_path):
        return True

    def construct_artifact(self, payload, workspace_path):
        path = self.get_artifact_path(workspace_path) / f"{form_run_string(payload.run_number)}.h5"
        return PhaseResult({"cluster": path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        result = self.construct_artifact(payload, workspace_path)
        if not payload.successful:
            return PhaseResult.invalid_result(payload.run_number)
        shutil.copy(payload.artifact_path, result.artifact_path)
        with h5py.File(result.artifact_path, "r+") as file:
            for event in file["cluster"].values():
                for cluster in event.values():
                    points = cluster["cloud"][:]
                    points[:, :2] += rng.normal(0, self.width, points[:, :2].shape)
                    cluster["cloud"][:] = points
        msg_queue.put(StatusMessage(self.name, 1, 1, payload.run_number))
        return result


class Count(PhaseLike):
    """Counts the particles of a run."""

    def __init__(self):
        super().__init__("Count", ResultSchema(ESTIMATE_SCHEMA))

    def create_assets(self, workspace_path):
        return True

    def construct_artifact(self, payload, workspace_path):
        path = self.get_artifact_path(workspace_path) / f"{form_run_string(payload.run_number)}.txt"
        return PhaseResult({"count": path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        result = self.construct_artifact(payload, workspace_path)
        rows = polars.read_parquet(payload.artifacts["estimation"])
        result.artifact_path.write_text(f"{len(rows)} {rng.normal()!r}\n")
        return result
