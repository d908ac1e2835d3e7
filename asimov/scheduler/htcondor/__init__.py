"""The scheduler ``htcondor``: jobs run on an HTCondor pool.

No object of HTCondor's Python bindings leaves this package, and importing it does not load them.
"""

from asimov.scheduler.htcondor.scheduler import HTCondor

__all__ = ["HTCondor"]
