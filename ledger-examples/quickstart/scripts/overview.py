"""Draw the detrended series and the spectrum of every subject, and tabulate the peaks.

    overview.py --config overview.ini

reads the assets that the configuration lists, for each subject a detrended ``series``, a
``spectrum`` and a ``comparison``, and writes ``overview.png`` and ``overview.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from common import (
    InputError,
    Series,
    inputs,
    read_config,
    read_json,
    read_series,
    run,
    setting,
    write_json,
)
from PIL import Image

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

# Okabe and Ito's blue, orange, green and purple, which colour-blind readers can distinguish.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499")
INK = "#333333"
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
STYLE = {
    "font.size": 10.5,
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def gather(listed: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return the assets of each subject, from analyses named ``subject/analysis``."""
    subjects: dict[str, dict[str, str]] = {}
    for name, assets in listed.items():
        subjects.setdefault(name.partition("/")[0], {}).update(assets)
    for subject, assets in subjects.items():
        if missing := {"series", "spectrum", "comparison"} - assets.keys():
            raise InputError(f"no analysis of {subject} gives a {min(missing)}")
    return subjects


def readable(unit: str) -> str:
    """Return a unit as matplotlib sets it."""
    return unit.replace("10^8 m^3", "$10^8$ m$^3$").replace("degC", "°C")


def headline(series: Series) -> str:
    """Return the series' name as matplotlib sets it."""
    return series.header["series"].replace("CO2", "CO$_2$").replace("Nino", "Niño")


def draw_series(axes: plt.Axes, series: Series, subject: str, colour: str) -> None:
    """Draw one detrended series over the years."""
    header = series.header
    note = f"trend of degree {header['degree']} removed"
    note += f", {header['filled']} filled" if int(header["filled"]) else ""
    note += f", tapered by {header['taper']}" if float(header["taper"]) else ""
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.plot(series.time, series.value, color=colour, linewidth=1.0)
    axes.set_title(headline(series), loc="left", fontsize=12, fontweight="bold")
    axes.set_title(f"{subject}: {note}", loc="right", fontsize=9.5, color="#666666")
    axes.set_ylabel(readable(series.header["unit"]))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.01)


def draw_spectrum(axes: plt.Axes, spectrum: dict, unit: str, agree: bool, colour: str) -> None:
    """Draw one spectrum over the period, with its strongest peak marked."""
    frequency, power = np.array(spectrum["frequency"][1:]), np.array(spectrum["power"][1:])
    peak = spectrum["peak"]
    axes.axvspan(spectrum["longest period counted"], 1000, color="#EFEFEF", linewidth=0)
    axes.fill_between(1 / frequency, power, color=colour, alpha=0.18, linewidth=0)
    axes.plot(1 / frequency, power, color=colour, linewidth=1.3)
    axes.plot(peak["period"], peak["power"], "o", color=colour, markeredgecolor="white", ms=8)
    axes.set_xscale("log")
    axes.set_xlim(0.17, 130)
    axes.set_ylim(0, 1.15 * max(peak["power"], power.max()))
    left = peak["period"] > 2
    share = f"{100 * peak['share of variance']:.0f} % of the variance"
    axes.annotate(
        f"{peak['period']:.2f} years\n{share}" + ("" if agree else "\n(settings disagree)"),
        (peak["period"], peak["power"]),
        xytext=(-14 if left else 14, -2),
        textcoords="offset points",
        ha="right" if left else "left",
        # Next to a low peak, place the text above its lower neighbours.
        va="top" if peak["power"] > 0.7 * axes.get_ylim()[1] else "bottom",
        fontsize=11,
        fontweight="bold",
    )
    axes.set_ylabel(f"({readable(unit)})$^2$ yr" if unit != "sunspots" else "sunspots$^2$ yr")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda period, _: f"{period:g}"))


def draw(path: Path, title: str, subjects: dict[str, tuple]) -> None:
    """Draw a row for each subject: its series on the left, its spectrum on the right."""
    with mpl.rc_context(STYLE):
        figure, grid = plt.subplots(
            len(subjects),
            2,
            dpi=100,
            figsize=(16, 0.9 + 2.275 * len(subjects)),
            width_ratios=(1.35, 1),
            squeeze=False,
            layout="constrained",
        )
        figure.suptitle(title, fontsize=18, fontweight="bold")
        figure.get_layout_engine().set(h_pad=0.07, w_pad=0.12)
        for row, (subject, (series, spectrum, agree)) in enumerate(subjects.items()):
            colour = COLOURS[row % len(COLOURS)]
            draw_series(grid[row, 0], series, subject, colour)
            draw_spectrum(grid[row, 1], spectrum, series.header["unit"], agree, colour)
        window = {spectrum["window"] for _, spectrum, _ in subjects.values()}
        grid[0, 1].set_title("Power spectral density", loc="left", fontsize=12, fontweight="bold")
        note = f"{' and '.join(sorted(window))} window; grey: too slow to tell from a trend"
        grid[0, 1].set_title(note, loc="right", fontsize=9.5, color="#666666")
        grid[-1, 0].set_xlabel("Year")
        grid[-1, 1].set_xlabel("Period (years)")
        figure.align_ylabels()
        figure.canvas.draw()
        image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
        plt.close(figure)
    partial = path.with_suffix(".partial")
    # 128 colours are enough for lines, and halve the file.
    image.quantize(128, method=Image.Quantize.FASTOCTREE).save(partial, "PNG", optimize=True)
    partial.replace(path)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Draw all series and spectra; tabulate the peaks.")
    parser.add_argument("--config", type=Path, required=True, help="the settings, an INI file")
    config = read_config(parser.parse_args().config)

    table, drawn = {}, {}
    for subject, assets in gather(inputs(config)).items():
        series = read_series(Path(assets["series"]))
        spectrum = read_json(Path(assets["spectrum"]))
        comparison = read_json(Path(assets["comparison"]))
        drawn[subject] = (series, spectrum, comparison["agree"])
        table[subject] = {
            "values": spectrum["values"],
            "filled": spectrum["filled"],
            "degree": spectrum["degree"],
        } | spectrum["peak"]
        table[subject]["spread over settings"] = comparison["spread"]
        table[subject]["settings agree"] = comparison["agree"]
    draw(Path("overview.png"), setting(config, "overview", "title"), drawn)
    write_json(Path("overview.json"), table)
    for subject, row in table.items():
        print(f"{subject:<16} {row['period']:8.3f} years")


if __name__ == "__main__":
    run(main)
