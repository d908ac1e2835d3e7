"""Synthetic detector runs for `attpc_spyral`: particles that curl through a drift chamber.

The files have the layout of libattpc_merger 1.0: ``events`` with the attributes ``version``,
``min_event`` and ``max_event``; in it ``event_<n>/get_traces``, a row for each pad with five
numbers of its hardware and 512 samples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

#: Samples of a trace, and those before them that say which pad it is.
_SAMPLES, _HARDWARE = 512, 5
#: Millimetres.
_LENGTH = 1000.0
#: Samples at the micromegas and at the window.
_FIRST, _LAST = 10.0, 500.0


def write_run(path: Path, pads: np.ndarray, events: int, seed: int) -> None:
    """Write the file of a run.

    Parameters
    ----------
    path
        The file.
    pads
        The position of each pad in mm, by its number: an array of shape (pads, 2).
    events
        How many events the run has.
    seed
        Of the tracks and the noise.
    """
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        group = file.create_group("events")
        group.attrs["version"] = "libattpc_merger:1.0"
        group.attrs["min_event"], group.attrs["max_event"] = 0, events
        for number in range(events):
            traces = _event(pads, rng)
            group.create_group(f"event_{number}").create_dataset("get_traces", data=traces)


def _event(pads: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the traces of a particle that curls outward from near the axis."""
    angle = np.linspace(0, 1.6 * np.pi, 400)
    radius, phase = rng.uniform(70, 100), rng.uniform(0, 2 * np.pi)
    x = radius * (np.cos(phase) - np.cos(phase + angle))
    y = radius * (np.sin(phase) - np.sin(phase + angle))
    z = rng.uniform(100, 200) + angle * rng.uniform(60, 90)
    hit: dict[int, float] = {}
    for point in zip(x, y, z, strict=True):
        pad = int(np.argmin(((pads - point[:2]) ** 2).sum(axis=1)))
        hit.setdefault(pad, float(point[2]))
    samples = np.arange(_SAMPLES)
    rows = np.zeros((len(hit), _HARDWARE + _SAMPLES), dtype=np.int16)
    for row, (pad, depth) in zip(rows, hit.items(), strict=True):
        centre = _LAST - depth / _LENGTH * (_LAST - _FIRST)
        signal = rng.uniform(400, 900) * np.exp(-(((samples - centre) / 4.0) ** 2))
        row[:_HARDWARE] = (0, 0, 0, 0, pad)
        row[_HARDWARE:] = signal + rng.normal(0, 3, _SAMPLES) + 300
    return rows


def pads_of(file: Path) -> np.ndarray:
    """Return the positions of pads in a table with a header."""
    return np.loadtxt(file, delimiter=",", skiprows=1, usecols=(0, 1))


if __name__ == "__main__":
    positions = pads_of(Path(sys.argv[1]))
    for each in map(int, sys.argv[3:]):
        write_run(Path(sys.argv[2], f"run_{each:04d}.h5"), positions, 2 + each, each)
