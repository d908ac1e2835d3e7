"""Remove a polynomial trend from a series, and fill its missing values.

    detrend.py --config detrend.ini --series data.csv

writes ``detrended.csv`` and a report, ``detrended.json``, to the working directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from common import (
    InputError,
    Series,
    read_config,
    read_series,
    run,
    setting,
    write_json,
    write_series,
)
from numpy.polynomial import Polynomial


def cosine_taper(length: int, fraction: float) -> np.ndarray:
    """Return weights that fall to zero as a cosine over `fraction` of the length at each end."""
    width = int(fraction * length)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width) if width else np.ones(0)
    return np.concatenate([ramp, np.ones(length - 2 * width), ramp[::-1]])


def detrend(series: Series, degree: int, taper: float, fill: str) -> tuple[np.ndarray, Polynomial]:
    """Return the residual about a polynomial fitted to the measured values, and the polynomial.

    Parameters
    ----------
    degree
        Degree of the polynomial; 0 removes the mean.
    taper
        Fraction of the series, at each end, that is brought down to zero (0 to 0.5).
    fill
        ``linear``: a missing value becomes the straight line between the residuals of its
        neighbours, so that the trend does not enter it; ``none``: a missing value is an error.
    """
    if not 0 <= degree < 10:
        raise InputError(f"[detrending] degree: {degree} is not between 0 and 9")
    if not 0 <= taper <= 0.5:
        raise InputError(f"[detrending] taper: {taper} is not between 0 and 0.5")
    if fill not in ("linear", "none"):
        raise InputError(f"[detrending] fill: {fill!r} is neither linear nor none")
    measured = np.isfinite(series.value)
    if fill == "none" and not measured.all():
        raise InputError(f"{np.sum(~measured)} values are missing and [detrending] fill is none")
    if not (measured[0] and measured[-1]):
        raise InputError("the first or the last value is missing: nothing to fill it from")
    trend = Polynomial.fit(series.time[measured], series.value[measured], degree)
    residual = series.value - trend(series.time)
    residual = np.interp(series.time, series.time[measured], residual[measured])
    return residual * cosine_taper(len(residual), taper), trend


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Remove a polynomial trend from a series.")
    parser.add_argument("--config", type=Path, required=True, help="the settings, an INI file")
    parser.add_argument("--series", type=Path, required=True, help="the measurements, a CSV file")
    arguments = parser.parse_args()

    config = read_config(arguments.config)
    degree = setting(config, "detrending", "degree", int)
    taper = setting(config, "detrending", "taper", float)
    fill = setting(config, "detrending", "fill")
    series = read_series(arguments.series)
    if (unit := setting(config, "series", "unit")) != series.header["unit"]:
        raise InputError(
            f"{arguments.series}: values are in {series.header['unit']}, the ledger says {unit}"
        )

    residual, trend = detrend(series, degree, taper, fill)
    filled = int(np.sum(np.isnan(series.value)))
    header = series.header | {"degree": str(degree), "taper": str(taper), "filled": str(filled)}
    write_series(Path("detrended.csv"), Series(series.time, residual, header))
    change = trend(series.time[-1]) - trend(series.time[0])
    report = {
        "series": series.header["series"],
        "unit": series.header["unit"],
        "values": len(series.value),
        "filled": filled,
        "first year": series.time[0],
        "last year": series.time[-1],
        "degree": degree,
        "taper": taper,
        "trend from first to last": round(float(change), 6),
        "standard deviation before": round(float(np.nanstd(series.value)), 6),
        "standard deviation after": round(float(np.std(residual)), 6),
    }
    write_json(Path("detrended.json"), report)
    print(f"{len(series.value)} values, {filled} of them filled; degree {degree} removed")


if __name__ == "__main__":
    run(main)
