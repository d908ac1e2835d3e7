"""Accept a request that is recorded, even if the ledger's files can't be written yet.

What is recorded is done by the next command that can write the files. A client that was refused
would send the request again, and it would be done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asimov.errors import AsimovError, ReportedError
from asimov.logs import logger
from asimov.server.faults import refused


@contextmanager
def accepted_if_recorded(recorded: Callable[[], bool], status: int) -> Iterator[None]:
    """Refuse a request if the block fails, unless it is recorded all the same.

    Parameters
    ----------
    recorded
        Returns whether the journal has the request.
    status
        The HTTP status of a refusal.

    Raises
    ------
    FaultError
        If the block refuses the request.
    FatalError
        If nothing can be recorded.
    """
    try:
        yield
    except ReportedError as error:
        if recorded():
            logger().warning("a request is recorded and not yet in the ledger's files: %s", error)
        elif isinstance(error, AsimovError):
            raise refused(error, status) from error
        else:
            raise
