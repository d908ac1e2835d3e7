"""Two phases: select decays that are well measured, then estimate the lifetime of the muon."""

import json
from dataclasses import dataclass

import h5py
import numpy

from asimov.phases import PhaseLike, PhaseResult, ResultSchema, StatusMessage, form_run_string

SELECTED = ResultSchema('{"selected": {"extension": ".h5", "data": {"times": "array"}}}')


@dataclass
class Window:
    """Which times are used, in microseconds."""

    start: float
    end: float


class Select(PhaseLike):
    """Keeps the times inside a window."""

    def __init__(self, window: Window):
        super().__init__("Select", outgoing_schema=SELECTED)
        self.window = window

    def create_assets(self, workspace_path):
        return True

    def construct_artifact(self, payload, workspace_path):
        path = self.get_artifact_path(workspace_path) / f"{form_run_string(payload.run_number)}.h5"
        return PhaseResult({"selected": path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        result = self.construct_artifact(payload, workspace_path)
        with h5py.File(payload.artifacts["trace"]) as file:
            times = file["times"][:]
        inside = (times >= self.window.start) & (times < self.window.end)
        with h5py.File(result.artifacts["selected"], "w") as file:
            file["times"] = times[inside]
        msg_queue.put(StatusMessage(self.name, 1, 1, payload.run_number))
        return result


class Lifetime(PhaseLike):
    """Estimates the lifetime from the mean time, and its error from random samples."""

    def __init__(self, samples: int = 100, background: float = 10.0):
        super().__init__("Lifetime", incoming_schema=SELECTED)
        self.samples = samples
        self.background = background  # counts per microsecond

    def create_assets(self, workspace_path):
        return True

    def construct_artifact(self, payload, workspace_path):
        name = f"{form_run_string(payload.run_number)}.json"
        path = self.get_artifact_path(workspace_path) / name
        return PhaseResult({"lifetime": path}, True, payload.run_number)

    def run(self, payload, workspace_path, msg_queue, rng):
        result = self.construct_artifact(payload, workspace_path)
        with h5py.File(payload.artifacts["selected"]) as file:
            times = file["times"][:]
        estimates = []
        for _ in range(self.samples):
            estimates.append(self.estimate(rng.choice(times, len(times))))
            msg_queue.put(StatusMessage(self.name, 1, self.samples, payload.run_number))
        error = float(numpy.std(estimates))
        found = {"lifetime": self.estimate(times), "error": error, "decays": len(times)}
        result.artifacts["lifetime"].write_text(json.dumps(found) + "\n")
        return result

    def estimate(self, times):
        """Return the mean time without the share of a flat background."""
        start, end = times.min(), times.max()
        flat = self.background * (end - start)
        total = (times - start).sum() - flat * (end - start) / 2
        return float(total / (len(times) - flat))
