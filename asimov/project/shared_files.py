"""Whether jobs see this machine's files: what the scheduler says, or said when it last could."""

from __future__ import annotations

from asimov.errors import SchedulerUnreachableError
from asimov.project.interface import OpenProject


def shares_files(project: OpenProject, *, keep: bool = True) -> bool:
    """Return whether jobs see this machine's files; the last answer if the pool has none now.

    Parameters
    ----------
    project
        The open project.
    keep
        Whether to keep the answer for that case; a dry run does not.

    Raises
    ------
    SchedulerUnreachableError
        If the pool was never asked, and can't be now.
    """
    scheduler, journal = project.scheduler(), project.journal
    name = f"shares files: {scheduler.name} {scheduler.place}"
    known = journal.get_property(name)
    try:
        answer = "yes" if scheduler.shares_files() else "no"
    except SchedulerUnreachableError:
        if known is None:
            raise
        return known == "yes"
    if keep and answer != known and not project.reading:
        journal.set_property(name, answer)
    return answer == "yes"
