"""Jobs from mappings of submit commands, and the project's scheduler: `asimov.scheduler_utils`.

asimov-pesummary makes its jobs with `create_job_from_dict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.compat.current_ledger import current_workspace
from asimov.errors import AsimovError
from asimov.scheduler import JobDescription, Scheduler

#: HTCondor's requests, by the names that packages look for in `JobDescription.kwargs`.
_REQUESTS = {f"request_{name}": name for name in ("cpus", "memory", "disk", "gpus")}


def create_job_from_dict(job_dict: Mapping[str, Any]) -> JobDescription:
    """Return the job that a mapping of submit commands describes; the mapping stays as it is.

    Parameters
    ----------
    job_dict
        ``executable``, ``output``, ``error``, ``log`` and any other submit commands. Requests
        (``request_memory`` ...) become ``memory`` and so on in the job's ``kwargs``.

    Raises
    ------
    AsimovError
        Where it has no ``executable``.
    """
    if "executable" not in job_dict:
        raise AsimovError(f"a job without an 'executable': {', '.join(job_dict) or 'nothing'}")
    return JobDescription(**{_REQUESTS.get(key, key): value for key, value in job_dict.items()})


def get_configured_scheduler() -> Scheduler:
    """Return the scheduler of the project that is open, or that is around the current folder.

    It is the one that the pipelines of this process submit to: jobs that a pipeline submits by it
    are known as its analysis's.
    """
    return current_workspace().scheduler()
