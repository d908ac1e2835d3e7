"""Collect what a report shows about one analysis beside its files and its history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from asimov.engine.graph import Edge
from asimov.engine.status import Row
from asimov.journal.keys import Key
from asimov.ledger import reviews
from asimov.ledger.needs import as_text
from asimov.project.workspace import Workspace

#: Fields that a review message may lack in older ledgers.
_MESSAGE = dict.fromkeys(("message", "status", "timestamp", "by"))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report shows about one analysis.

    Attributes
    ----------
    row
        Its line of ``asimov status``.
    review
        The outcome of its review; None if it has not been reviewed.
    messages
        Its review messages, oldest first.
    labels
        Names and values of its labels; a label without a value has "".
    needs
        The analyses that it needs, with the names of the products that it uses from each.
    """

    row: Row
    review: str | None
    messages: list[dict[str, Any]]
    labels: list[tuple[str, str]]
    needs: list[tuple[Key, tuple[str, ...]]]

    @property
    def key(self) -> Key:
        """The key of the analysis."""
        return Key(self.row.subject, self.row.name)


def summary(workspace: Workspace, row: Row, needs: Iterable[Edge]) -> Summary:
    """Return what a report shows about an analysis.

    Parameters
    ----------
    workspace
        The open project.
    row
        Its line of ``asimov status``.
    needs
        The edges of the graph that lead to it.
    """
    key = Key(row.subject, row.name)
    known = key in workspace.contents.entries  # its ledger file may be broken
    settings = workspace.settings(key) if known else {}
    review = settings.get("review")
    return Summary(
        row,
        reviews.outcome(review),
        [{**_MESSAGE, **each} for each in reviews.messages(review)],
        _labels(settings.get("labels")),
        [(edge.source, edge.assets) for edge in needs],
    )


def _labels(labels: Any) -> list[tuple[str, str]]:
    if isinstance(labels, dict):
        return [(str(name), as_text(value)) for name, value in labels.items()]
    if isinstance(labels, list):
        return [(str(name), "") for name in labels]
    return [(str(labels), "")] if labels else []
