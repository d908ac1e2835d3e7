"""Throw points at a square and count those in the inscribed circle.

throw.py --seed N --points M --output FILE
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Count random points that fall in a circle.")
    parser.add_argument("--seed", type=int, required=True, help="a number for each process")
    parser.add_argument("--points", type=int, required=True, help="how many to throw")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()

    draw = random.Random(arguments.seed).random
    hits = sum(draw() ** 2 + draw() ** 2 < 1 for _ in range(arguments.points))
    result = {"seed": arguments.seed, "points": arguments.points, "hits": hits}
    # Written completely or not at all: the file's existence shows that this process is done.
    partial = arguments.output.with_suffix(".partial")
    partial.write_text(json.dumps(result) + "\n", encoding="utf-8")
    partial.replace(arguments.output)


if __name__ == "__main__":
    main()
