"""The older programs ``locutus`` and ``olivaw``, which only say what to use instead."""

from __future__ import annotations

import sys
from typing import NoReturn


def locutus() -> NoReturn:
    """Say what to use instead of ``locutus``."""
    sys.exit(
        "locutus is gone: stored files are in results/SUBJECT/NAME, with their checksums in its "
        "manifest.json. 'asimov production show SUBJECT NAME' shows an analysis, and the monitor "
        "stores its results."
    )


def olivaw() -> NoReturn:
    """Say what to use instead of ``olivaw``."""
    sys.exit("olivaw is gone: use 'asimov', with the same commands.")
