"""The log of what asimov did, for people who look for a fault."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path


def logger() -> logging.Logger:
    """Return the logger that everything in asimov writes to."""
    return logging.getLogger("asimov")


class _LogFile(RotatingFileHandler):
    """A log that does without a line where the disk is full: what is at work tells of it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (its name in logging)
        """Say nothing of a line that could not be written, unless that is a fault in asimov."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


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
        file: logging.Handler = _LogFile(
            folder / "asimov.log", maxBytes=10_000_000, backupCount=3, delay=True
        )
    except OSError:
        file = logging.NullHandler()
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(file)
