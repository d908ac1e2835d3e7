"""Ask the runner to hold, release or remove jobs, or to raise what they request."""

from __future__ import annotations

from asimov.configuration import owner
from asimov.errors import SchedulerError
from asimov.scheduler.local.spool import Spool
from asimov.text import encodable


def leave_request(spool: Spool, job: int, action: str, reason: str) -> None:
    """Leave a request for the runner, unless the job is not in the queue.

    Parameters
    ----------
    spool
        The queue.
    job
        The cluster.
    action
        ``remove``, ``hold`` or ``release``.
    reason
        One line for people; the user's name is added.

    Raises
    ------
    SchedulerError
        Where the queue can't be used.
    """
    text = encodable(f"{reason or f'{action} requested'} (by user {owner()})")
    with spool.changing() as db:
        db.execute(
            "INSERT INTO requests (cluster, action, reason)"
            " SELECT id, ?, ? FROM clusters WHERE id = ? AND state != 'gone'",
            (action, text, job),
        )


def raise_requests(spool: Spool, job: int, memory_mb: int | None, disk_kb: int | None) -> None:
    """Change the resource requests of a job's processes; see `Scheduler.raise_requests`.

    Raises
    ------
    SchedulerError
        Where the job has no process in the queue, or the queue can't be used.
    """
    changes = {"memory_mb": memory_mb, "disk_kb": disk_kb}
    given = [(f"$.{name}", value) for name, value in changes.items() if value is not None]
    if not given:
        return
    found = 0
    if spool.exists():
        pairs = ", ?, ?" * len(given)
        with spool.changing() as db:
            found = db.execute(
                f"UPDATE processes SET spec = json_set(spec{pairs})"
                " WHERE cluster = ? AND role = 'job' AND state != 'gone'",
                [*(word for pair in given for word in pair), job],
            ).rowcount
    if not found:
        raise SchedulerError(f"job {job} has no process in the local queue")
