"""Estimate the power spectrum of a detrended series, and the period of its strongest peak.

    spectrum.py --config spectrum.ini --series detrended.csv

writes ``spectrum.json`` to the working directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from common import InputError, read_config, read_series, run, setting, write_json

WINDOWS = {
    "boxcar": np.ones,
    # One point longer and cut: the windows repeat without a double point, as spectra want it.
    "hann": lambda length: np.hanning(length + 1)[:-1],
    "hamming": lambda length: np.hamming(length + 1)[:-1],
    "blackman": lambda length: np.blackman(length + 1)[:-1],
}


def spectrum(
    value: np.ndarray, step: float, window: str, segments: int, padding: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and one-sided power densities by Welch's method.

    Parameters
    ----------
    value
        The series, evenly sampled.
    step
        Years between two values.
    window
        One of `WINDOWS`.
    segments
        Number of half-overlapping segments that are averaged; 1 gives the periodogram.
    padding
        How many times finer than 1/length the frequencies lie, by appended zeros. This draws the
        same spectrum with more points; it does not resolve more.

    Returns
    -------
    tuple
        Frequencies in cycles per year, and densities in (unit of `value`) squared times years,
        whose integral over frequency is the series' variance.
    """
    length = 2 * len(value) // (segments + 1)
    weight = WINDOWS[window](length)
    starts = [round(i * (len(value) - length) / max(segments - 1, 1)) for i in range(segments)]
    pieces = np.array([value[start : start + length] for start in starts])
    pieces = (pieces - pieces.mean(axis=1, keepdims=True)) * weight
    points = padding * length
    power = np.mean(np.abs(np.fft.rfft(pieces, points)) ** 2, axis=0)
    density = power * step / np.sum(weight**2)
    # The negative frequencies' share; zero and (for an even number) Nyquist have no partner.
    density[1 : (points + 1) // 2] *= 2
    return np.fft.rfftfreq(points, step), density


def strongest_peak(
    frequency: np.ndarray, power: np.ndarray, lowest: float
) -> tuple[float, float, tuple[float, float]]:
    """Return frequency and height of the strongest local maximum, and where it falls to half.

    Only maxima above the frequency `lowest` count: fewer cycles in the record can't be
    distinguished from a trend. A parabola through the logarithms of the three highest points
    places the maximum between the points.
    """
    inner = power[1:-1]
    is_peak = (inner > power[:-2]) & (inner >= power[2:]) & (frequency[1:-1] >= lowest)
    candidates = np.flatnonzero(is_peak) + 1
    if not len(candidates):
        raise InputError("the spectrum has no peak in the range that is searched")
    top = int(candidates[np.argmax(power[candidates])])
    left, middle, right = np.log(power[top - 1 : top + 2])
    offset = 0.5 * (left - right) / (left - 2 * middle + right)
    height = float(np.exp(middle - 0.25 * (left - right) * offset))
    below = np.flatnonzero(power < height / 2)
    lower = below[below < top].max(initial=0)
    upper = below[below > top].min(initial=len(power) - 1)
    peak = float(frequency[top] + offset * (frequency[1] - frequency[0]))
    return peak, height, (float(frequency[lower]), float(frequency[upper]))


def chance(power: np.ndarray, height: float, length: int) -> float:
    """Return how likely white noise of equal power shows a peak this high somewhere.

    Each of about length/2 independent frequencies exceeds `height` with exp(-height/mean). It
    holds for one segment, and takes the noise as equal at all frequencies: a small value speaks
    against chance, but a slow, red noise can also make one.
    """
    single = np.exp(-height / np.mean(power))
    return float(-np.expm1(length / 2 * np.log1p(-single)))


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Estimate the power spectrum of a series.")
    parser.add_argument("--config", type=Path, required=True, help="the settings, an INI file")
    parser.add_argument("--series", type=Path, required=True, help="the detrended series")
    arguments = parser.parse_args()

    config = read_config(arguments.config)
    window = setting(config, "spectrum", "window")
    segments = setting(config, "spectrum", "segments", int)
    padding = setting(config, "spectrum", "padding", int)
    cycles = setting(config, "spectrum", "least_cycles", float)
    if window not in WINDOWS:
        raise InputError(f"[spectrum] window: {window!r} is none of {', '.join(WINDOWS)}")
    series = read_series(arguments.series)
    if not 1 <= segments <= len(series.value) // 8:
        raise InputError(f"[spectrum] segments: {segments} does not fit {len(series.value)} values")
    if not 1 <= padding <= 64:
        raise InputError(f"[spectrum] padding: {padding} is not between 1 and 64")

    frequency, power = spectrum(series.value, series.step, window, segments, padding)
    span = series.step * len(series.value)
    peak, height, (lower, upper) = strongest_peak(frequency, power, cycles / span)
    near = (frequency >= lower) & (frequency <= upper)
    header = series.header
    result = {
        "series": header["series"],
        "window": window,
        "segments": segments,
        "degree": int(header["degree"]),
        "values": len(series.value),
        "filled": int(header["filled"]),
        "peak": {
            "period": round(1 / peak, 6),
            "period unit": "year",
            "half power from": round(1 / upper, 6),
            "half power to": round(1 / lower, 6) if lower > 0 else None,
            "power": round(height, 6),
            "share of variance": round(float(np.sum(power[near]) / np.sum(power)), 4),
        },
        "longest period counted": round(span / cycles, 6),
        "frequency unit": "1/year",
        "power unit": f"({header['unit']})^2 year",
        "frequency": [round(float(x), 6) for x in frequency],
        "power": [float(f"{x:.6g}") for x in power],
    }
    if segments == 1:
        result["peak"]["chance in white noise"] = float(
            f"{chance(power, height, len(series.value)):.3g}"
        )
    write_json(Path("spectrum.json"), result)
    print(f"strongest peak at a period of {1 / peak:.3f} years ({window} window)")


if __name__ == "__main__":
    run(main)
