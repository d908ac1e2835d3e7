#!/usr/bin/env python3
"""Stands in for megaplot.py: a page without plots."""

import pathlib
import sys

trigger = pathlib.Path(sys.argv[1])
for folder in ("html", "plots"):
    (trigger / folder).mkdir(exist_ok=True)
(trigger / "index.html").write_text("<html><body>BayesWave</body></html>\n", encoding="utf-8")
