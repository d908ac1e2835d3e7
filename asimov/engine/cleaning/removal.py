"""Remove what a plan of 'asimov clean' lists, if it is still as it was then."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from asimov.configuration import owner
from asimov.engine.cleaning.plan import Freed, Plan, Reasons
from asimov.journal.keys import Key
from asimov.project.layout import CLEANED_FILE
from asimov.project.workspace import Workspace
from asimov.system import clock, progress
from asimov.system.files import unwritable, write_atomically
from asimov.text import amount, counted


def remove(workspace: Workspace, plan: Plan, report: Callable[[str], None]) -> int:
    """Carry out a plan; return how many bytes were freed.

    A mark in the run directory is on disk before the first file goes: from then on the products
    come from the store. If this is cut short, the next plan has the rest.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    plan
        What to remove.
    report
        Takes a line for each run directory.
    """
    total = 0
    reasons = Reasons(workspace)  # as things are now: a person may have thought about the plan
    for each in progress.over(plan.freed, "cleaning"):
        if why := _why_not(workspace, each.key, reasons):
            report(f"{each.key}: left alone: {why}")
            continue
        try:
            freed = _free(each)
        except OSError as error:
            raise unwritable(error, Path(each.rundir), "can't be cleaned") from error
        total += freed
        stay = f"; {counted(each.kept, 'file')}, {amount(each.kept_size)}, "
        stay += "stays" if each.kept == 1 else "stay"
        kept = stay if each.kept else ""
        reason = f"freed {amount(freed)} of its run directory, which the results have{kept}"
        workspace.journal.note(each.key, owner(), "cleaned", reason)
        report(f"{each.key}: {reason}")
    objects = (Path(path) for path, _ in plan.objects)
    return total + workspace.store.drop_objects(objects)


def _why_not(workspace: Workspace, key: Key, reasons: Reasons) -> str | None:
    """Return why the run directory of an analysis is to be left alone by now, or None."""
    if key not in workspace.contents.entries:
        return "it is no longer in the ledger"
    if workspace.status(key) != "uploaded":
        return f"it is now {workspace.status(key)}"
    return next(reasons.against(key), None)


def _free(freed: Freed) -> int:
    write_atomically(
        Path(freed.rundir, CLEANED_FILE),
        json.dumps({"cleaned": clock.iso(), "by": owner(), "files": len(freed.covered)}) + "\n",
    )
    total = 0
    folders: set[str] = set()
    for each in freed.covered:
        path = os.path.join(freed.rundir, each.name)
        with suppress(FileNotFoundError):
            status = os.lstat(path)
            if (status.st_mtime_ns, status.st_ctime_ns) == each.stamp:
                os.unlink(path)
                total += each.size
                folders.add(os.path.dirname(each.name))
    for folder in sorted(folders, key=len, reverse=True):
        left = folder
        with suppress(OSError):  # it holds something
            while left:
                os.rmdir(os.path.join(freed.rundir, left))
                left = os.path.dirname(left)
    return total
