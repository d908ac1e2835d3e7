"""The program itself: it knows nothing of asimov."""

import configparser
import json
import random
import sys
from pathlib import Path


def simulate(settings: configparser.SectionProxy) -> None:
    """Write where every walker ends."""
    start = 0.0
    if "start" in settings:
        start = json.loads(Path(settings["start"]).read_text())["mean"]
    rng = random.Random(settings.getint("seed"))
    ends = [
        start + sum(rng.choice((-1, 1)) for _ in range(settings.getint("steps")))
        for _ in range(settings.getint("walkers"))
    ]
    Path("walks.json").write_text(json.dumps(ends))


def summarise(settings: configparser.SectionProxy) -> None:
    """Write the mean and the variance of the ends."""
    ends = json.loads(Path("walks.json").read_text())
    mean = sum(ends) / len(ends)
    variance = sum((end - mean) ** 2 for end in ends) / len(ends)
    summary = {"mean": mean, "variance": variance, "steps": settings.getint("steps")}
    Path("summary.json").write_text(json.dumps(summary))


if __name__ == "__main__":
    config = configparser.ConfigParser()
    config.read_string(Path(sys.argv[2]).read_text())
    {"simulate": simulate, "summarise": summarise}[sys.argv[1]](config["walk"])
