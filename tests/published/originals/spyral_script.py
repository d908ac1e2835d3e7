"""The script of a user of `attpc_spyral`, run by its own program or by asimov's.

spyral_script.py PROGRAM BLUEPRINT TRACES WORKSPACE, PROGRAM being ``spyral`` or ``asimov.phases``.
It sends the runs 1 and 3 through the phases of the package, on two processes.

The package's own program draws new random numbers each time. Here each of its processes has one
run, and gets the numbers that this run has with asimov; nothing else of the program is changed.
"""

import sys
from importlib import import_module
from pathlib import Path

import spyral
import yaml
from numpy.random import SeedSequence
from spyral.core.run_stacks import create_run_stacks


def phases(settings):
    """Return the phases of the package, made from the settings of a blueprint."""
    made = []
    for each in settings["phases"]:
        kind = each.pop("phase").removeprefix("spyral:")
        if kind == "PointcloudPhase":
            pads = dict.fromkeys(each["pad_params"], spyral.DEFAULT_MAP)
            made.append(
                spyral.PointcloudPhase(
                    spyral.GetParameters(**each["get_params"]),
                    spyral.FribParameters(**each["frib_params"]),
                    detector(each["detector_params"]),
                    spyral.PadParameters(**pads),
                )
            )
        elif kind == "ClusterPhase":
            parameters = each["cluster_params"]
            joined = spyral.OverlapJoinParameters(**parameters.pop("overlap_join"))
            parameters = spyral.ClusterParameters(**parameters, overlap_join=joined)
            made.append(spyral.ClusterPhase(parameters, detector(each["det_params"])))
        elif kind == "EstimationPhase":
            parameters = spyral.EstimateParameters(**each["estimate_params"])
            made.append(spyral.EstimationPhase(parameters, detector(each["det_params"])))
    return made


def detector(settings):
    """Return the parameters of the detector."""
    garfield = Path(settings["garfield_file_path"])
    return spyral.DetectorParameters(**{**settings, "garfield_file_path": garfield})


class Known:
    """Stands in for the entropy: the seed of each process is that of its only run."""

    def __init__(self, seed, stacks):
        self.seed = seed
        self.stacks = stacks

    def spawn(self, number):
        """Return a seed for each process."""
        assert [len(stack) for stack in self.stacks] == [1] * number
        return [SeedSequence(self.seed, spawn_key=(run,)) for (run,) in self.stacks]


if __name__ == "__main__":
    program, (blueprint, traces, workspace) = sys.argv[1], map(Path, sys.argv[2:])
    settings = next(yaml.safe_load_all(blueprint.read_text()))["pipelines"]["phases"]
    seed, which = settings["seed"], (1, 3, 2)
    module = import_module(program)
    how = {"disable_display": True, "runs_to_skip": [2]}
    if program == "spyral":
        stacks, _ = create_run_stacks(traces, *which, how["runs_to_skip"])
        spyral.core.pipeline.SeedSequence = lambda: Known(seed, stacks)
    else:
        how["seed"] = seed
    own = phases(settings)
    pipeline = module.Pipeline(own, [True] * len(own), workspace, traces)
    module.start_pipeline(pipeline, *which, **how)
