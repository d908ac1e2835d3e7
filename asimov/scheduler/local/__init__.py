"""The scheduler ``local``, embedded in asimov: runs submit files and DAG files on this machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asimov.scheduler.local.scheduler import LocalScheduler

__all__ = ["LocalScheduler"]


def __getattr__(name: str) -> Any:
    """Import the scheduler where it is used: the queue's processes start without it."""
    if name != "LocalScheduler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from asimov.scheduler.local.scheduler import LocalScheduler

    return LocalScheduler
