"""Ask a pool what its machines offer to every job: containers, for now.

Source: HTCondor's manual, "Container Universe Jobs": machines that run them have ``HasContainer``.
"""

from __future__ import annotations

from asimov.scheduler.htcondor.bindings import bindings
from asimov.scheduler.htcondor.connection import Connection


def runs_containers(connection: Connection) -> bool:
    """Return whether any slot runs jobs of the container universe.

    Raises
    ------
    SchedulerUnreachableError
        If the collector does not answer.
    """
    htcondor2 = bindings()
    able = "DynamicSlot =!= true && HasContainer =?= true"
    return bool(
        connection.ask_collector(
            lambda collector: collector.query(htcondor2.AdType.Startd, able, ["Name"])
        )
    )
