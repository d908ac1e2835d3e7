"""Asimov's log file: where it is written, and how its lines look."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from asimov import text


def logger() -> logging.Logger:
    """Return the logger of all of asimov."""
    return logging.getLogger("asimov")


class _LogFile(RotatingFileHandler):
    """A log file that drops lines when the disk is full, which the command itself reports."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (its name in logging)
        """Ignore a line that could not be written, unless asimov itself is at fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Lines(logging.Formatter):
    """One record per line; continuation lines are indented, so that none looks like a record."""

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
    """Send errors to ``asimov.log`` in a folder, which is created by the first one."""
    _send_to(_file(folder), logging.WARNING)


def take_in_others() -> None:
    """Send warnings of other packages there too; Python prints them if nobody takes them."""
    for handler in logger().handlers:
        logging.getLogger().addHandler(handler)


def write_nowhere() -> None:
    """Write no log."""
    _send_to(logging.NullHandler(), logging.INFO)


def written() -> str | None:
    """Return the log file that this process has written to, or None."""
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
