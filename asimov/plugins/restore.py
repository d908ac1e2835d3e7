"""What a plugin's code finds around it, and has to leave as it found it.

The working directory, the mask of new files, and Python's standard streams are put back. The
environment is not: some packages set variables there for their own later calls. Nor is the locale.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asimov.logs import logger
from asimov.system.surroundings import set_directory


@contextmanager
def kept(folder: Path, call: object) -> Iterator[None]:
    """Work in a folder, and put back afterwards what was changed in the block.

    Parameters
    ----------
    folder
        The project's folder.
    call
        Whose code runs, for the log.
    """
    mask = os.umask(0)
    os.umask(mask)
    streams = sys.stdin, sys.stdout, sys.stderr
    threads = threading.enumerate()
    try:
        with set_directory(folder):
            yield
    finally:
        os.umask(mask)
        sys.stdin, sys.stdout, sys.stderr = streams
        for thread in threading.enumerate():
            if thread not in threads and not thread.daemon:
                logger().warning("%s has left the thread %r running", call, thread.name)
