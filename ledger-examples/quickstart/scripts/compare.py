"""Compare the spectra of one subject with different settings.

    compare.py --config compare.ini

reads the spectra that the configuration lists and writes ``comparison.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import InputError, inputs, read_config, read_json, run, setting, write_json


def compare(spectra: dict[str, dict], tolerance: float) -> dict:
    """Return the peak of each spectrum, and the difference of their periods.

    Parameters
    ----------
    spectra
        What ``spectrum.py`` wrote, by the analysis' name.
    tolerance
        The spread, in per cent of the mean period, up to which the settings agree.
    """
    table = {
        name: {
            "window": spectrum["window"],
            "segments": spectrum["segments"],
            "degree": spectrum["degree"],
        }
        | spectrum["peak"]
        for name, spectrum in spectra.items()
    }
    periods = [row["period"] for row in table.values()]
    mean = sum(periods) / len(periods)
    spread = max(periods) - min(periods)
    return {
        "analyses": table,
        "period unit": "year",
        "mean period": round(mean, 6),
        "spread": round(spread, 6),
        "spread in per cent": round(100 * spread / mean, 3),
        "tolerance in per cent": tolerance,
        "agree": 100 * spread / mean <= tolerance,
    }


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Compare the spectra of one subject.")
    parser.add_argument("--config", type=Path, required=True, help="the settings, an INI file")
    config = read_config(parser.parse_args().config)

    spectra = {}
    for name, assets in inputs(config).items():
        if "spectrum" not in assets:
            raise InputError(f"{name} gives no spectrum")
        spectra[name] = read_json(Path(assets["spectrum"]))
    result = compare(spectra, setting(config, "comparison", "tolerance", float))
    write_json(
        Path("comparison.json"), {"subject": setting(config, "comparison", "subject")} | result
    )
    print(
        f"{len(spectra)} spectra: mean period {result['mean period']:.3f} years, "
        f"spread {result['spread']:.3f}"
    )


if __name__ == "__main__":
    run(main)
