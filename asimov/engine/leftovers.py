"""Run directories that builds have written and that no job has ever used.

A submission may fail after `build_dag`, since the scheduler can't be reached, say. Some programs,
bilby_pipe among them, don't write into a folder that is there already: they would build beside it,
and what was built before, maybe of other settings, would be submitted.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from asimov.project.analysis import Analysis
from asimov.project.storage.superseded import next_place
from asimov.system.files import unwritable


def put_aside(analysis: Analysis) -> None:
    """Move the run directory aside if earlier attempts have built in it and none has made a job.

    It becomes ``<name>.unsubmitted`` beside it. One that is there already is removed if each of its
    files was built again, and else kept as ``<name>.superseded-<n>``: not all of it was built. What
    a pipeline has completed without a job is kept likewise. What a job has written stays where it
    is, and so does a folder that was there before the first attempt.

    Parameters
    ----------
    analysis
        An analysis that is about to be built; its present attempt is recorded as intended.

    Raises
    ------
    AsimovError
        Where it can't be moved.
    """
    rundir = Path(analysis.rundir)
    if not rundir.is_dir() or not _only_built(analysis):
        return
    aside = rundir.with_name(f"{rundir.name}.unsubmitted")
    try:
        if _has_been_complete(analysis):
            rundir.rename(next_place(rundir))
            return
        if aside.is_dir():
            if _files(aside) <= _files(rundir):
                shutil.rmtree(aside)
            else:
                aside.rename(next_place(rundir))
        rundir.rename(aside)
    except OSError as error:
        raise unwritable(error, rundir, "can't be moved aside") from error


def _has_been_complete(analysis: Analysis) -> bool:
    events = analysis.workspace.journal.events(*analysis.key)
    return any(each.after == "finished" for each in events)


def _files(folder: Path) -> set[Path]:
    return {
        Path(each, name).relative_to(folder)
        for each, folders, files in os.walk(folder)
        for name in [*files, *folders]
    }


def _only_built(analysis: Analysis) -> bool:
    """Say whether every attempt since the run directory was last cleaned has made no job."""
    journal = analysis.workspace.journal
    earlier = [each for each in journal.attempts(analysis.key) if each.state != "intended"]
    if not earlier or any(each.job_id is not None for each in earlier[-1:]):
        return False
    cleaned = max(
        (each.time for each in journal.events(*analysis.key) if each.before == "restart"), default=0
    )
    since = [each for each in earlier if each.intended >= cleaned]
    return bool(since) and all(each.state == "void" for each in since)
