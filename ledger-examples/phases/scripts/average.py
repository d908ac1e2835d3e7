#!/usr/bin/env python3
"""Average the lifetimes of several runs: average.py OUTPUT LIST_OF_FILES."""

import json
import sys
from pathlib import Path

runs = [json.loads(Path(each).read_text()) for each in json.loads(sys.argv[2])]
weights = [run["error"] ** -2 for run in runs]
mean = sum(w * run["lifetime"] for w, run in zip(weights, runs, strict=True)) / sum(weights)
result = {"lifetime": round(mean, 4), "error": round(sum(weights) ** -0.5, 4), "runs": len(runs)}
Path(sys.argv[1]).write_text(json.dumps(result) + "\n")
