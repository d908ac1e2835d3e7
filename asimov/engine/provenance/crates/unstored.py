"""Find an attempt's products in its run directory when the results store lacks them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from asimov.engine.provenance.export.runs import Run, of_file
from asimov.engine.provenance.record import FILE
from asimov.errors import AsimovError, ReportedError
from asimov.pipeline.assets import paths_of
from asimov.plugins.methods import guarded
from asimov.plugins.requirements import Assets, missing_outputs
from asimov.project.storage.assets import KEY
from asimov.project.storage.products import Item, survey
from asimov.project.storage.superseded import last_number
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import reading

#: What a crate says of such a product.
UNSTORED = "from the run directory: it is not recorded in the results store"


def unstored(workspace: Workspace, run: Run) -> list[Item]:
    """Return the products of an attempt that are in the run directory that it had.

    Parameters
    ----------
    workspace
        The open project.
    run
        An attempt without products in the results store.

    Returns
    -------
    list of Item
        The files, by their names in the store, if the store had them; none if another attempt has
        run there since.

    Raises
    ------
    NotStorableError
        If one of them is not a file or folder, or a link that leaves the run directory.
    """
    folder = _folder(workspace, run)
    if folder is None:
        return []
    names = [os.path.join(folder, each) for each in _products(workspace, run, folder)]
    found = survey(names, folder, workspace.project.results)
    files = [each for each in found.items.values() if os.path.isfile(each.source)]
    return [each for each in files if each.name != FILE]


def refuse_without(workspace: Workspace, run: Run) -> None:
    """Refuse to pack an attempt that has made products which are nowhere any more.

    Raises
    ------
    AsimovError
        If it was complete, and its record or its pipeline says that it has made some.
    """
    last = workspace.records[run.key].uid == run.record.uid
    done = last and STATES[workspace.status(run.key)].done
    if (done or run.end.exit_code == 0) and _has_made(workspace, run):
        raise AsimovError(
            f"the products of {run.name} are missing from the results store and from its run "
            "directory",
            hint=f"'asimov store verify {run.key}' lists what is missing; restore it from a "
            f"backup, or make it again with 'asimov rerun {run.key}'",
        )


def _has_made(workspace: Workspace, run: Run) -> bool:
    folder = _folder(workspace, run) or run.folder
    if folder is not None and _listed(folder):
        return True
    with suppress(ReportedError):
        analysis = workspace.analysis(run.key)
        return bool(missing_outputs(analysis, Assets(analysis)))
    return False


def _products(workspace: Workspace, run: Run, folder: Path) -> list[str]:
    """Return the paths of the products that the record in a folder lists, else the pipeline."""
    if listed := _listed(folder):
        return listed
    with suppress(ReportedError):
        analysis = workspace.analysis(run.key)
        if folder == Path(analysis.rundir):
            with guarded(analysis, "collect_assets"):
                return [str(each) for each in paths_of(analysis.assets)]
    return []


def _listed(folder: Path) -> list[str]:
    """Return the products that a record lists, relative to its run directory."""
    with suppress(OSError, AsimovError, ValueError):
        data = json.loads(reading.contents(folder / FILE))
        return [str(each) for each in paths_of(data.get(KEY) or {})]
    return []


def _folder(workspace: Workspace, run: Run) -> Path | None:
    """Return the folder in which an attempt ran, also if it was moved aside since."""
    if run.key not in workspace.contents.entries:
        return None
    rundir = Path(workspace.analysis(run.key).rundir)
    moved = range(last_number(rundir.parent, f"{rundir.name}."), 0, -1)
    for each in (rundir, *(rundir.with_name(f"{rundir.name}.superseded-{n}") for n in moved)):
        with suppress(AsimovError):
            if of_file(each / FILE).record.uid == run.record.uid:
                return each
    return None
