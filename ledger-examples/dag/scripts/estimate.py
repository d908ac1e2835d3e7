"""Join the counts of all processes into one estimate of pi with its standard error.

estimate.py --config estimate.ini
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from configparser import ConfigParser
from pathlib import Path


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Estimate pi from counts of random points.")
    parser.add_argument("--config", type=Path, required=True, help="lists the counts, an INI file")
    config = ConfigParser(interpolation=None, delimiters=("=",))
    try:
        config.read_string(parser.parse_args().config.read_text(encoding="utf-8"))
        counts = [json.loads(Path(path).read_text()) for path in config["counts"].values()]
    except OSError as error:
        sys.exit(f"estimate.py: {error.filename}: {error.strerror}")
    points = sum(count["points"] for count in counts)
    share = sum(count["hits"] for count in counts) / points
    error = 4 * math.sqrt(share * (1 - share) / points)
    result = {"pi": 4 * share, "standard error": error, "points": points, "processes": len(counts)}
    Path("pi.json").write_text(json.dumps(result) + "\n", encoding="utf-8")
    print(f"pi = {4 * share:.5f} +- {error:.5f}")


if __name__ == "__main__":
    main()
