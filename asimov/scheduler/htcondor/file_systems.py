"""Ask a pool whether its machines share a file system with the schedd.

Source: HTCondor's manual, ``FILESYSTEM_DOMAIN``: machines that share all files have the same one.
"""

from __future__ import annotations

from asimov.scheduler.htcondor.bindings import bindings
from asimov.scheduler.htcondor.classads import quoted
from asimov.scheduler.htcondor.connection import Connection


def shares_files(connection: Connection) -> bool:
    """Return whether every slot is in this machine's ``FILESYSTEM_DOMAIN``.

    Raises
    ------
    SchedulerUnreachableError
        If the collector does not answer.
    """
    htcondor2 = bindings()
    own = str(htcondor2.param.get("FILESYSTEM_DOMAIN") or "")
    elsewhere = f"DynamicSlot =!= true && FileSystemDomain =!= {quoted(own)}"
    return not connection.ask_collector(
        lambda collector: collector.query(htcondor2.AdType.Startd, elsewhere, ["Name"])
    )
