"""Seeing that a schedd answers, by a question that is none about its queue.

Measured with 25.14.1: to this question, as to a query of the queue, a schedd that is silent makes
the bindings wait 20 s. ``htcondor2.ping`` would wait for ever, as does ``submit``.
"""

from __future__ import annotations

import time
from typing import Any

from asimov.scheduler.htcondor.silence import LONG


def sign_of_life(schedd: Any) -> Any:
    """Ask for none of the users that the schedd knows, of which it has a short list.

    Bindings and schedds that do not know this question are asked for none of the jobs.

    Raises
    ------
    HTCondorException
        Where the schedd does not answer.
    """
    import htcondor2

    users = getattr(schedd, "queryUserAds", None)
    if users is not None:
        begun = time.monotonic()
        try:
            return users("false", ["User"], limit=1)
        except htcondor2.HTCondorException:
            if time.monotonic() - begun > LONG:
                raise
    return schedd.query("false", ["ClusterId"], limit=1)
