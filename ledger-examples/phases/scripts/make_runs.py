#!/usr/bin/env python3
"""Write synthetic runs of a counter that times the decays of muons at rest.

make_runs.py FOLDER RUN...
"""

import sys
from pathlib import Path

import h5py
import numpy

LIFETIME = 2.197  # microseconds

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for run in map(int, sys.argv[2:]):
    rng = numpy.random.default_rng(run)
    decays = rng.exponential(LIFETIME, 2000 + 500 * run)
    background = rng.uniform(0, 20, 200)
    with h5py.File(folder / f"run_{run:04d}.h5", "w") as file:
        file["times"] = numpy.concatenate([decays, background])
