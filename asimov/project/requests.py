"""Keep the state and the job number that a pipeline sets on its analysis, for the engine."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

#: The largest number that the journal can hold.
_MOST = 2**63 - 1


class Requests:
    """The state and the job that a pipeline has set on its analysis, until the engine takes them.

    Attributes
    ----------
    status
        The state it asked for; None if it asked for none.
    job_id
        The job it named; None if it named none.
    """

    def __init__(self) -> None:
        self.status: str | None = None
        self.job_id: int | None = None

    def take_status(self) -> str | None:
        """Return the state that was asked for, once."""
        asked, self.status = self.status, None
        return asked

    def begin(self, meta: MutableMapping[str, Any]) -> None:
        """Drop earlier requests, because a pipeline is about to be called.

        Parameters
        ----------
        meta
            The settings of the analysis.
        """
        self.collect(meta)
        self.status = self.job_id = None

    def collect(self, meta: MutableMapping[str, Any]) -> None:
        """Move a job that older pipelines write among the settings to where it belongs.

        Parameters
        ----------
        meta
            The settings of the analysis.
        """
        scheduler = meta.get("scheduler")
        written = [meta.pop("job id", None)]
        if isinstance(scheduler, dict):
            written.append(scheduler.pop("job id", None))
        for job_id in map(job_id_in, written):
            if job_id is not None:
                self.job_id = job_id

    def take_job(self, answer: Any) -> int | None:
        """Return the job that was submitted; None if the pipeline does not say.

        This alone decides. A job that the pipeline has set on its analysis or written among the
        settings goes before what its method has returned.

        Parameters
        ----------
        answer
            What the method returned.
        """
        named, self.job_id = job_id_in(self.job_id), None
        return job_id_in(answer) if named is None else named


def job_id_in(answer: Any) -> int | None:
    """Return the job number in a pipeline's answer; None if there is none.

    Published pipelines return an int, a numeric string, or a tuple that begins with either. Jobs
    are counted from 1: a 0 is more likely to mean that all went well.
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
