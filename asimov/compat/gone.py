"""The older programs ``locutus`` and ``olivaw``, which only say what to use instead."""

from __future__ import annotations

import sys
from typing import NoReturn

from asimov.compat.older_commands import LOCUTUS, OLIVAW


def locutus() -> NoReturn:
    """Say what to use instead of ``locutus``."""
    _leave(f"'locutus' was removed: {LOCUTUS}")


def olivaw() -> NoReturn:
    """Say what to use instead of ``olivaw``."""
    _leave(f"'olivaw' was removed: {OLIVAW}")


def _leave(line: str) -> NoReturn:
    sys.stderr.write(f"Error: {line}\n")
    sys.exit(2)  # as for any command line that is wrong
