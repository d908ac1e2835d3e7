"""The rows of ``asimov status`` for the analyses that a user selects."""

from __future__ import annotations

from asimov.engine.selection import Selection
from asimov.engine.status import Row, rows, without_entry
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace


def selected_rows(workspace: Workspace, selection: Selection) -> list[Row]:
    """Return the rows of the selected analyses, also of those that only the journal knows.

    Parameters
    ----------
    workspace
        The open project.
    selection
        The analyses; its filters may leave none.
    """
    return rows_of(workspace, *selected(workspace, selection))


def selected(workspace: Workspace, selection: Selection) -> tuple[list[Key], dict[Key, Row]]:
    """Return the selected analyses, and the rows of all that only the journal knows."""
    hidden = {Key(row.subject, row.name): row for row in without_entry(workspace)}
    return selection.of(workspace, more=hidden, may_be_empty=True), hidden


def rows_of(workspace: Workspace, keys: list[Key], hidden: dict[Key, Row]) -> list[Row]:
    """Return the rows of analyses; those that only the journal knows are last."""
    found = rows(workspace, [key for key in keys if key not in hidden])
    return found + [hidden[key] for key in keys if key in hidden]
