"""The single most likely fix for a stuck analysis, judged by what is known of its failure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asimov.engine.status import LOST
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace

#: What messages say, and what mends it; the first that fits counts.
_ADVICE = [
    (r"no space left|disk quota exceeded|\benospc\b", "free disk space"),
    (
        r"memoryerror|out of memory|oom[- ]kill|bad_alloc|memory usage exceeded|more memory than|"
        r"\bsignal 9\b",
        "let it request more memory ('scheduler: {{request memory: ...}}' in the ledger)",
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
    (r"permission denied|permissionerror", "allow access to the file"),
    (r"expired|credentials|authentication|proxy", "renew your credentials"),
    (r"time limit|exceeded .*wall|max.?walltime|allowed.*duration", "let it request more time"),
    (r"connection (?:refused|reset)|timed? ?out|temporary failure|network", "wait for the network"),
]


def most_likely_fix(workspace: Workspace, key: Key, said: Sequence[str]) -> str:
    """Return in one line what most likely mends a stuck analysis, with a command to copy.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    said
        What is known of its failure, a line each.
    """
    record = workspace.records.get(key)
    words = "\n".join(said).lower()
    set_to = f"asimov production set {key} --status"
    again = f"{set_to} restart"
    if record is not None and record.job_state == LOST:
        return f"make sure that job {record.job_id} no longer runs, then: {again} --lost"
    if "can't be stored" in words or "storing failed" in words:
        return f"fix what kept its results from being stored, then: {set_to} finished"
    advice = next((what for pattern, what in _ADVICE if re.search(pattern, words)), None)
    if record is not None and record.job_state == "held" and record.job_id is not None:
        attempts = workspace.journal.attempts(key)
        if attempts and attempts[-1].scheduler == "htcondor":
            again = f"condor_release {record.job_id}"
    if advice is None:
        advice = "fix what its log shows" if said else "fix the cause"
    return f"{advice.format()}, then: {again}"
