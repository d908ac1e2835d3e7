"""Spooling: send a job's files to a schedd that can't see them, and fetch its output.

Such a job is submitted on hold; HTCondor releases it once its input lies in the schedd's spool
folder. A job that lacks its input never runs. A completed one stays in the queue until its output
was retrieved. The schedd writes its event log into the spool folder too, so the job has none.

Source: HTCondor's manual, "condor_submit -spool" and "condor_transfer_data"; what HTCondor 25 was
seen to do.
"""

from __future__ import annotations

from typing import Any

from asimov.errors import AsimovError, SchedulerError, SchedulerUnreachableError
from asimov.scheduler.htcondor.bindings import bindings, message_of
from asimov.scheduler.htcondor.connection import Connection
from asimov.text import quoted

#: The attribute that marks a spooled job.
ATTRIBUTE = "AsimovSpool"
#: ``HoldReasonCode`` of a job that lacks its input.
LACKS_INPUT = 16
#: The values of ``[condor] spool``.
_MODES = {"yes": True, "no": False, "auto": None}


def mode_of(text: str | None) -> bool | None:
    """Return whether ``[condor] spool`` asks for spooling; None to spool to another machine.

    Raises
    ------
    AsimovError
        If it is none of ``yes``, ``no`` and ``auto``.
    """
    try:
        return _MODES[(text or "no").lower()]
    except KeyError:
        raise AsimovError(
            f"should be {', '.join(_MODES)}, not {text!r}", where="configuration: condor/spool"
        ) from None


def can_be_spooled(submit: Any) -> bool:
    """Return whether submit commands have all files of the job transferred."""
    return str(submit.get("should_transfer_files", "")).upper() == "YES"


def check_names(submit: Any) -> None:
    """Check that the names of inputs can be spooled: HTCondor would split one that holds a blank.

    Raises
    ------
    SchedulerError
        If one can't.
    """
    for name in str(submit.get("transfer_input_files", "")).split(","):
        if len(name.split()) > 1:
            raise SchedulerError(
                f"{quoted(name.strip())} can't be spooled: HTCondor separates file names by spaces",
                hint="rename the file without spaces",
            )


def submit(schedd: Any, submit: Any, count: int) -> Any:
    """Submit a cluster and hand its input over; if that fails, remove it, as it can't run."""
    htcondor2 = bindings()
    submit[f"My.{ATTRIBUTE}"] = "true"
    submit["leave_in_queue"] = "JobStatus == 4 && (StageOutFinish ?: 0) == 0"
    submit["log"] = ""
    result = schedd.submit(submit, count=count, spool=True)
    try:
        schedd.spool(result)
    except htcondor2.HTCondorException as error:
        why = f"its input could not be handed over: {message_of(error)}"
        own = f"ClusterId == {result.cluster()}"
        schedd.act(htcondor2.JobAction.Remove, own, reason=(why, 0))
        raise
    return result


def retrieve(connection: Connection, job_id: int) -> None:
    """Copy what a completed job has left to the folder that it was submitted from.

    It leaves the queue afterwards. A second call is harmless.

    Raises
    ------
    SchedulerError
        If it can't be copied, such as for want of space.
    """
    try:
        connection.demand(f"the output of job {job_id}", lambda schedd: schedd.retrieve(job_id))
    except SchedulerUnreachableError:
        raise
    except SchedulerError:
        own = f"ClusterId == {job_id} && (StageOutFinish ?: 0) == 0"
        if connection.queue(own, ["ProcId"]):
            raise
        # It was retrieved already, and has left.
