"""Why jobs are held: HTCondor's codes, in classes such as ``memory``, ``transient``, ``permanent``.

Source of the codes: HTCondor's manual, "Job ClassAd Attributes", ``HoldReasonCode`` and
``HoldReasonSubCode``, and the list that HTCondor 25.14 itself holds (``condor_holdcodes.h``). The
page ``docs/holds.md`` shows the same tables; a test compares them.
"""

from __future__ import annotations

import errno

import msgspec

#: The classes, and what a hold of each class means.
CLASSES = {
    "transient": "a machine, the network or HTCondor itself failed; the same job may run elsewhere",
    "memory": "it used more memory than it requested",
    "disk": "it used more disk than it requested",
    "input": "a program or file it names is missing, or can't be read or written",
    "user": "a person holds it on purpose",
    "permanent": "it will be held again until somebody fixes the cause",
}

#: In `CODES`: the class follows from the words of the reason; see `classify`.
BY_WORDS = "by words"
_WORDS = {"memory": "memory", "disk": "disk", "no space left": "disk"}


class Code(msgspec.Struct, frozen=True):
    """A hold code of HTCondor.

    Attributes
    ----------
    code
        ``HoldReasonCode``.
    kind
        The class of a hold with it, or `BY_WORDS`.
    meaning
        Its meaning, in a few words.
    by_errno
        Whether its subcode is the system's error number, whose class is in `ERRORS`.
    """

    code: int
    kind: str
    meaning: str
    by_errno: bool = False


#: The classes of system errors, for codes with `Code.by_errno`.
ERRORS = {
    errno.ENOENT: "input",
    errno.E2BIG: "permanent",
    errno.ENOEXEC: "input",
    errno.EACCES: "input",
    errno.ENOTDIR: "input",
    errno.EISDIR: "input",
    errno.ENOSPC: "disk",
    errno.EDQUOT: "permanent",
}

#: The classes of other subcodes. Source: the policies that come with HTCondor
#: (``HOLD_IF_MEMORY_EXCEEDED``, ``HOLD_IF_DISK_EXCEEDED``), and its starter.
SUBCODES = {
    (21, 102): "memory",
    (21, 104): "disk",
    (34, 102): "memory",
    (34, 104): "disk",
}

CODES = {
    each.code: each
    for each in (
        Code(0, BY_WORDS, "no code was given"),
        Code(1, "user", "a person held it"),
        Code(2, "permanent", "a Globus error"),
        Code(3, BY_WORDS, "the job's own policy (periodic_hold, on_exit_hold)"),
        Code(4, "permanent", "its credentials are not valid"),
        Code(5, "permanent", "the job's own policy is undefined"),
        Code(6, "transient", "its program could not be started", by_errno=True),
        Code(7, "transient", "its output file could not be opened", by_errno=True),
        Code(8, "transient", "its standard input could not be opened", by_errno=True),
        Code(9, "transient", "its output stream could not be opened", by_errno=True),
        Code(10, "transient", "its input stream could not be opened", by_errno=True),
        Code(11, "transient", "an error in the file transfer protocol"),
        Code(12, "transient", "transfer of its output failed", by_errno=True),
        Code(13, "transient", "transfer of its input failed", by_errno=True),
        Code(14, "transient", "its initial folder could not be entered", by_errno=True),
        Code(15, "user", "it was submitted on hold"),
        Code(16, "user", "its input is still being spooled"),
        Code(17, "permanent", "its universe needs another shadow"),
        Code(18, "transient", "an error in the file transfer protocol"),
        Code(19, "transient", "a machine's job preparation hook failed"),
        Code(20, "permanent", "its start time has passed"),
        Code(21, BY_WORDS, "a machine's policy (WANT_HOLD)"),
        Code(22, "permanent", "its event log could not be opened"),
        Code(23, "permanent", "its user's account is not usable"),
        Code(24, "permanent", "there is no shadow for it"),
        Code(25, "permanent", "its cron settings are not valid"),
        Code(26, BY_WORDS, "the pool's policy (SYSTEM_PERIODIC_HOLD)"),
        Code(27, "permanent", "the pool's policy is undefined"),
        Code(28, "transient", "its folder on a machine could not be passed to its user (glexec)"),
        Code(29, "transient", "its folder on a machine could not be passed to its user"),
        Code(30, "transient", "its folder on a machine could not be taken back (glexec)"),
        Code(31, "transient", "its folder on a machine could not be taken back"),
        Code(32, "permanent", "its input exceeds the transfer limit"),
        Code(33, "permanent", "its output exceeds the transfer limit"),
        Code(34, "memory", "it exceeded its resources"),
        Code(35, "permanent", "its container image is not valid"),
        Code(36, "permanent", "it failed to write a checkpoint"),
        Code(37, "permanent", "EC2: a mistake in the job"),
        Code(38, "permanent", "EC2: an internal error"),
        Code(39, "permanent", "EC2: a mistake in the pool's configuration"),
        Code(40, "transient", "EC2: no connection"),
        Code(41, "transient", "EC2: a server error"),
        Code(42, "permanent", "EC2: an instance may still run"),
        Code(43, "permanent", "its script before the job failed"),
        Code(44, "permanent", "its script after the job failed"),
        Code(45, "transient", "a machine's container test failed"),
        Code(46, "permanent", "it exceeded its time limit"),
        Code(47, "permanent", "it exceeded its run time limit"),
        Code(48, "transient", "the schedd's job preparation hook failed"),
        Code(49, "permanent", "its user's group is not usable"),
    )
}


def classify(code: int | None, subcode: int | None = None, reason: str | None = None) -> str:
    """Return the class of a hold, one of `CLASSES`.

    A known subcode counts more than the code. Policies of jobs, machines and pools are often about
    memory or disk and set no code of their own: only for those do the words of the reason count.
    Anything unknown is ``permanent``.

    Parameters
    ----------
    code, subcode, reason
        HTCondor's ``HoldReasonCode``, ``HoldReasonSubCode`` and ``HoldReason``.

    >>> classify(34), classify(13, 2), classify(26, 0, "Memory usage over 2 GB")
    ('memory', 'input', 'memory')
    """
    known = CODES.get(code) if code is not None else None
    if known is None:
        return "permanent"
    if subcode is not None:
        if (known.code, subcode) in SUBCODES:
            return SUBCODES[known.code, subcode]
        if known.by_errno and subcode in ERRORS:
            return ERRORS[subcode]
    if known.kind != BY_WORDS:
        return known.kind
    text = (reason or "").lower()
    return next((kind for word, kind in _WORDS.items() if word in text), "permanent")
