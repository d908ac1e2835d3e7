"""The scheduler ``htcondor``: jobs run on an HTCondor pool.

None of the bindings' objects leaves this package, and importing it does not import them.
"""

from asimov.scheduler.htcondor.scheduler import HTCondor

__all__ = ["HTCondor"]
