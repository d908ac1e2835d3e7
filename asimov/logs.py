"""The log of what asimov did, for people who look for a fault."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from asimov import text


def logger() -> logging.Logger:
    """Return the logger that everything in asimov writes to."""
    return logging.getLogger("asimov")


class _LogFile(RotatingFileHandler):
    """A log that does without a line where the disk is full: what is at work tells of it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (its name in logging)
        """Say nothing of a line that could not be written, unless that is a fault in asimov."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Lines(logging.Formatter):
    """A record a line, and what follows is indented: it can't be taken for another record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record, safe to show on a terminal."""
        return text.block(super().format(record)).replace("\n", "\n  ")


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
            folder / "asimov.log",
            maxBytes=10_000_000,
            backupCount=3,
            delay=True,
            encoding="utf-8",
        )
    except OSError:
        file = logging.NullHandler()
    file.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(file)
