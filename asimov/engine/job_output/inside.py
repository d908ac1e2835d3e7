"""Choose the output that everybody may see: only files of the project are shown to others.

A submit file, and a link that a job makes, may name any file of this machine.
"""

from __future__ import annotations

from typing import NamedTuple

from asimov.engine.job_output.files import OutputFile, output_files
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.text import line


class Shown(NamedTuple):
    """What the jobs of an analysis wrote inside the project.

    Attributes
    ----------
    files
        The files that are shown.
    withheld
        Why each of the others is not, by the name that it has in the project.
    """

    files: list[OutputFile]
    withheld: dict[str, str]


def output_inside(workspace: Workspace, key: Key) -> Shown:
    """Return what the jobs of an analysis wrote, without what is outside the project.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    project, shown = workspace.project, Shown([], {})
    named = (project.root, project.working, project.results)
    folders = [each.resolve() for each in named]
    for each in output_files(workspace, key):
        path = each.path.resolve()
        if any(path.is_relative_to(folder) for folder in folders):
            shown.files.append(each)
            continue
        name = project.stored(each.path)
        inside = any(each.path.is_relative_to(folder) for folder in named)
        what = "is a link that leads out of the project" if inside else "is outside the project"
        shown.withheld[name] = f"{line(name)} is not shown: it {what}"
    return shown
