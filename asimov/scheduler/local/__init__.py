"""The scheduler ``local``, embedded in asimov: runs submit files and DAG files on this machine."""

from asimov.scheduler.local.scheduler import LocalScheduler

__all__ = ["LocalScheduler"]
