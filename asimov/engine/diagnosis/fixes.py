"""The single most likely fix for a stuck analysis, judged by what is known of its failure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asimov.engine.status import LOST
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.system.disk import is_full

_OF_DISKS = ("free disk space", "allow access to the file")
#: What messages say, and what mends it; the first that fits counts.
_ADVICE = [
    (r"no space left|disk quota exceeded|\benospc\b", _OF_DISKS[0]),
    (
        r"presumed killed|the process that should have started it was killed|machine was restarted",
        "make sure that what runs it is not killed again, by a person, the end of a login or for "
        "lack of memory",
    ),
    (
        r"memoryerror|out of memory|oom[- ]kill|bad_alloc|memory usage exceeded|more memory than|"
        r"\bsignal 9\b",
        "let it request more memory ('scheduler: {request memory: ...}' in the ledger)",
    ),
    (r"disk usage exceeded|more disk than", "let it request more disk ('request disk')"),
    (
        r"modulenotfounderror|importerror|command not found|executable file not found|"
        r"error while loading shared libraries",
        "install what is missing where the job runs",
    ),
    (
        r"no such file or directory|filenotfounderror|does not exist|cannot stat|can't be found",
        "provide the missing file",
    ),
    (r"permission denied|permissionerror", _OF_DISKS[1]),
    (r"expired|credentials|authentication|proxy", "renew your credentials"),
    (r"time limit|exceeded .*wall|max.?walltime|allowed.*duration", "let it request more time"),
    (r"connection (?:refused|reset)|timed? ?out|temporary failure|network", "wait for the network"),
]
#: What is said of results that could not be stored, and of a job that failed without a message.
_NOT_STORED = re.compile(r"storing its results failed|can't be stored|storing failed")
_SILENT = re.compile(r"error log is empty|error logs are empty")
_FAULTY = re.compile(r"its products are not what its pipeline declares|but lacks products that")
#: The outputs that a job did not make.
_MISSING = re.compile(r"but it is not complete: (.+?) missing")


def most_likely_fix(
    workspace: Workspace, key: Key, said: Sequence[str], *, logged: bool = True
) -> str:
    """Return in one line what most likely mends a stuck analysis, with a command to copy.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    said
        What is known of its failure, a line each.
    logged
        Whether its job wrote anything.
    """
    record = workspace.records.get(key)
    words = "\n".join(said).lower()
    set_to = f"asimov production set {key} --status"
    again = f"{set_to} restart"
    if record is not None and record.job_state == LOST:
        return f"make sure that job {record.job_id} no longer runs, then: {again} --lost"
    if _FAULTY.search(words):
        return f"correct its products, then: {set_to} finished; or what makes them, then: {again}"
    advice = next((what for pattern, what in _ADVICE if re.search(pattern, words)), None)
    if _NOT_STORED.search(words):
        # It has run: only its products are at fault, or the disk.
        advice = advice if advice in _OF_DISKS else "correct what is named there"
        return f"{advice}, then: {set_to} finished"
    if record is not None and record.job_state == "held" and record.job_id is not None:
        attempts = workspace.journal.attempts(key)
        if attempts and attempts[-1].scheduler == "htcondor":
            again = f"condor_release {record.job_id}"
    if advice is None and _SILENT.search(words):
        full = is_full(workspace.analysis(key).rundir)
        advice = _OF_DISKS[0] if full else "find the cause, about which its logs say nothing"
    if advice is None:
        advice = "fix what its log shows" if logged else _cause(said[0] if said else "")
    return f"{advice}, then: {again}"


def _cause(reason: str) -> str:
    """Return what to do about a failure without any output."""
    missing = _MISSING.search(reason)
    return f"find out why its job did not make {missing[1]}" if missing else "fix the cause"
