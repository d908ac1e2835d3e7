"""Subjects and analyses in the form of 0.8.0's API."""

from __future__ import annotations

from typing import Any

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace

#: What an entry says of where it belongs: that is said beside it.
_OWNERS = ("subject", "event")


def subjects_data(workspace: Workspace, subject: str | None) -> list[dict[str, Any]]:
    """Return subjects with their analyses.

    Parameters
    ----------
    workspace
        The open project.
    subject
        The only subject; None for all.
    """
    names = [each for each in workspace.contents.subjects if subject is None or each == subject]
    return [_subject(workspace, each) for each in names]


def _subject(workspace: Workspace, name: str) -> dict[str, Any]:
    project = workspace.project
    settings = workspace.subject_settings(name)
    return {
        "repository": project.stored(project.checkouts / name),
        **settings,
        "name": name,
        "working directory": project.stored(project.working / name),
        "productions": [{key.name: _analysis(workspace, key)} for key in workspace.keys(name)],
    }


def _analysis(workspace: Workspace, key: Key) -> dict[str, Any]:
    data = workspace.contents.entries[key].data
    folder = workspace.project.working / key.subject / key.name
    return {
        "comment": None,
        **{name: value for name, value in data.items() if name not in _OWNERS},
        "event": key.subject,
        "name": key.name,
        "needs": [each.name for each in workspace.dependencies.of(key).keys],
        "status": workspace.status(key),
        **({"rundir": workspace.project.stored(folder)} if folder.is_dir() else {}),
    }
