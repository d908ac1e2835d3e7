"""The single most likely fix for a stuck analysis, judged by what is known of its failure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from asimov.engine.status import LOST
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.system.files import is_full
from asimov.system.reading import opened
from asimov.text import line

_OF_DISKS = ("free disk space", "allow access to the file")
_MEMORY = "let it request more memory ('scheduler: {request memory: ...}' in the ledger)"
#: What messages say, and what mends it; the first that fits counts.
_ADVICE = [
    (r"no space left|disk quota exceeded|\benospc\b", _OF_DISKS[0]),
    (
        r"presumed killed|the process that should have started it was killed|machine was restarted",
        "make sure that what runs it is not killed again, by a person, the end of a login or for "
        "lack of memory",
    ),
    (
        r"memoryerror|out of memory|oom[- ]kill|bad_alloc|memory usage exceeded|more memory than",
        _MEMORY,
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
    # Most schedulers do so to what needs more memory than it requested.
    (r"\bsignal 9\b", _MEMORY),
]
#: What is said of results that could not be stored, and of a job that failed without a message.
_NOT_STORED = re.compile(r"storing its results failed|can't be stored|storing failed")
_KILLED = re.compile(r"\bsignal 9\b")
_FAULTY = re.compile(r"its products are not what its pipeline declares|but lacks products that")
#: The outputs that a job did not make.
_MISSING = re.compile(r"but it is not complete: (.+?) missing")
_NOT_EXECUTED = re.compile(r"Failed to execute '(.+?)'.*errno=2\b")
#: The most bytes of a script's first line that are shown.
_LONGEST = 100
_SILENT = re.compile(r"error log is empty|error logs are empty")


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
    attempts = workspace.journal.attempts(key)
    scheduler = attempts[-1].scheduler if attempts else None
    advice = _lacks_interpreter(said) or next(
        (what for pattern, what in _ADVICE if re.search(pattern, words)), None
    )
    if scheduler == "local":
        advice = _on_this_machine(advice, words)
    if _NOT_STORED.search(words):
        # It has run: only its products are at fault, or the disk.
        advice = advice if advice in _OF_DISKS else "correct what is named there"
        return f"{advice}, then: {set_to} finished"
    if scheduler == "htcondor" and record is not None and record.job_state == "held":
        again = again if record.job_id is None else f"condor_release {record.job_id}"
    if advice is None and _SILENT.search(words):
        full = is_full(Path(workspace.analysis(key).rundir))
        advice = _OF_DISKS[0] if full else "find the cause, about which its logs say nothing"
    if advice is None:
        advice = "fix what its log shows" if logged else _cause(said[0] if said else "")
    return f"{advice}, then: {again}"


def _cause(reason: str) -> str:
    """Return what to do about a failure without any output."""
    missing = _MISSING.search(reason)
    return f"find out why its job did not make {missing[1]}" if missing else "fix the cause"


def _on_this_machine(advice: str | None, words: str) -> str | None:
    """Return what mends it on the local scheduler, which reserves no memory and kills nothing."""
    if advice != _MEMORY or "request_memory" in words:  # with 'enforce memory' it holds jobs
        return advice
    if _KILLED.search(words):
        return "find out what killed it: a person, a limit, or a lack of memory"
    return "let it need less memory, or use a machine with more"


def _lacks_interpreter(said: Sequence[str]) -> str | None:
    """Return what mends a script that can't be executed although it exists, or None."""
    found = _NOT_EXECUTED.search("\n".join(said))
    if found is None:
        return None
    try:
        with opened(found[1]) as script:
            first = line(script.readline(_LONGEST).decode(errors="replace").strip())
    except OSError:
        return None
    if not first.startswith("#!"):
        return None
    return f"install the interpreter that the script's first line names ({first}), or correct it"
