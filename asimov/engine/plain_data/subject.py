"""Subjects as plain data: their settings, and the states of their analyses."""

from __future__ import annotations

from typing import Any

from asimov.project.workspace import Workspace


def subject_data(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return a subject, as ``asimov event show`` does.

    Parameters
    ----------
    workspace
        The open project.
    name
        The subject.

    Raises
    ------
    AsimovError
        If there is none of that name.
    """
    keys = workspace.keys(name)
    return {
        "name": name,
        "analyses": {key[1]: workspace.status(key) for key in keys},
        "settings": workspace.subject_settings(name),
    }
