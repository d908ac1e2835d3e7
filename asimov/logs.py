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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file: logging.Handler = _file(folder)
    except OSError:
        file = logging.NullHandler()
    _send_to(file, logging.INFO)


def write_faults_to(folder: Path) -> None:
    """Send what goes wrong to ``asimov.log`` in a folder; nothing is written before that."""
    _send_to(_file(folder), logging.WARNING)


def write_nowhere() -> None:
    """Keep no log: nothing may be written."""
    _send_to(logging.NullHandler(), logging.INFO)


def written() -> str | None:
    """Return the file that this process has written its log to, if it has."""
    for handler in logger().handlers:
        if isinstance(handler, logging.FileHandler) and handler.stream is not None:
            return str(handler.baseFilename)
    return None


def _file(folder: Path) -> logging.Handler:
    return _LogFile(
        folder / "asimov.log",
        maxBytes=10_000_000,
        backupCount=3,
        delay=True,
        encoding="utf-8",
    )


def _send_to(handler: logging.Handler, level: int) -> None:
    log = logger()
    log.setLevel(level)
    log.propagate = False
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
