"""The job that a pipeline tells of: by what it returns, or by what it writes among the settings."""

from __future__ import annotations

import re
from typing import Any

from asimov.project.analysis import Analysis

#: The largest number that the journal can hold.
_MOST = 2**63 - 1


def take_written_job(analysis: Analysis) -> None:
    """Take the job that a pipeline has written among the settings, which is none: older ones do."""
    scheduler = analysis.meta.get("scheduler")
    written = [analysis.meta.pop("job id", None)]
    if isinstance(scheduler, dict):
        written.append(scheduler.pop("job id", None))
    for job_id in map(job_id_in, written):
        if job_id is not None:
            analysis.asked_job_id = job_id


def job_id_in(answer: Any) -> int | None:
    """Return the cluster that a pipeline's answer names.

    Published pipelines return an int, a numeric string, or either first in a tuple. Clusters are
    counted from 1: a 0 is more likely to say that all went well.
    """
    if isinstance(answer, (tuple, list)) and answer:
        answer = answer[0]
    if isinstance(answer, bytes):
        answer = answer.decode(errors="replace")
    if isinstance(answer, str) and re.fullmatch(r"\s*[0-9]{1,19}\s*", answer):
        answer = int(answer)
    if isinstance(answer, bool) or not isinstance(answer, int):
        return None
    return answer if 0 < answer <= _MOST else None
