"""The log of what asimov did, for people who look for a fault."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path


def logger() -> logging.Logger:
    """Return the logger that everything in asimov writes to."""
    return logging.getLogger("asimov")


def write_to(folder: Path) -> None:
    """Send the log to ``asimov.log`` in a folder, and nowhere else."""
    log = logger()
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file: logging.Handler = RotatingFileHandler(
            folder / "asimov.log", maxBytes=10_000_000, backupCount=3, delay=True
        )
    except OSError:
        file = logging.NullHandler()
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(file)
