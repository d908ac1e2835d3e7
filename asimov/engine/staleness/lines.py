"""Whether a result still holds, in lines for people, and what to do if it doesn't."""

from __future__ import annotations

from shlex import quote
from typing import NamedTuple

from asimov.engine.staleness.inputs import in_doubt, is_made_again
from asimov.engine.staleness.reasons import RESULTS
from asimov.engine.staleness.verdicts import outdated
from asimov.journal.keys import Key
from asimov.journal.reruns import Request, Requests
from asimov.project.workspace import Workspace


class Standing(NamedTuple):
    """Whether the result of an analysis still holds, in lines.

    Attributes
    ----------
    lines
        Why it is out of date, and whether its inputs are, a line each.
    moves
        What would make it current, a line each.
    request
        The open request to run it again, if there is one.
    """

    lines: list[str]
    moves: list[str]
    request: Request | None


def standing_of(workspace: Workspace, key: Key) -> Standing:
    """Return whether the result of an analysis still holds, and what would make it current."""
    old = outdated(workspace, [key])
    lines = [f"{each.kind}: {each}" for each in old.get(key, ())]
    doubts = in_doubt(workspace, [key], old).get(key, ())
    made_again = [each for each in doubts if is_made_again(workspace, each)]
    stale = [each for each in doubts if each not in made_again]
    lines += [f"its input {each} is out of date" for each in stale]
    lines += [
        f"its input {each} is being made again, and is {workspace.status(each)}"
        for each in made_again
    ]
    moves = []
    if stale:  # it runs again only after them, and only if they come out otherwise
        first = " ".join(quote(str(each)) for each in stale)
        moves.append(f"'asimov rerun {first} --downstream --dry-run' shows what would run again")
    elif old:
        moves.append(f"'asimov rerun {quote(str(key))} --dry-run' shows what would run again")
    if any(each.kind == RESULTS for each in old.get(key, ())):
        moves.append(
            "a copy of the damaged files, put in their place: 'asimov store verify "
            f"{quote(str(key))}' lists and checks them"
        )
    request = Requests(workspace.journal).all().get(key)
    if request is not None:
        lines.append(str(request))
        moves.append(f"'asimov rerun --withdraw {quote(str(key))}' withdraws that request")
    elif made_again and not stale:
        moves.append(
            "once that is made: 'asimov rerun --outdated --dry-run' shows what would run again"
        )
    return Standing(lines, moves, request)
