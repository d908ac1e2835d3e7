"""What a person is told about whether a result still holds."""

from __future__ import annotations

from asimov.engine.staleness.inputs import in_doubt
from asimov.engine.staleness.verdicts import outdated
from asimov.journal.keys import Key
from asimov.journal.reruns import Requests
from asimov.project.workspace import Workspace


def lines(workspace: Workspace, key: Key) -> list[str]:
    """Return why an analysis is out of date, and whether its inputs are, a line each."""
    old = outdated(workspace, [key])
    found = [f"{each.kind}: {each}" for each in old.get(key, ())]
    doubts = in_doubt(workspace, [key], old).get(key, ())
    found += [f"its input {each} is out of date" for each in doubts]
    if request := Requests(workspace.journal).all().get(key):
        found.append(f"{request.actor} asked to run it again once its inputs are made, if needed")
    return found
