"""The revision of the ledger that an attempt ran with, and its entry in the ledger's history."""

from __future__ import annotations

from typing import NamedTuple

from asimov.journal.provenance import digest_of
from asimov.journal.revisions import Revisions, digest
from asimov.ledger.contents import Entry
from asimov.ledger.layout import PROJECT_FILE
from asimov.project.workspace import Workspace


class LedgerRevision(NamedTuple):
    """A revision of the documents that the settings of an analysis come from.

    Attributes
    ----------
    digest
        A digest of what the documents say.
    change
        The number of the last change by a command, as ``asimov ledger history`` lists it; 0 if
        there was none.
    edited
        Whether a document was edited by hand since its last change by a command.
    """

    digest: str
    change: int
    edited: bool


class LedgerRevisions:
    """Finds the revisions of the analyses of one submission.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._last: dict[str, tuple[int, str | None]] | None = None
        self._found: dict[str, LedgerRevision] = {}
        self._edited: dict[str, bool] = {}

    def of(self, subject: str, entry: Entry) -> LedgerRevision:
        """Return the revision for an analysis; those of the same subject share one."""
        if entry.file not in self._found:
            self._found[entry.file] = self._look(subject, entry)
        return self._found[entry.file]

    def _look(self, subject: str, entry: Entry) -> LedgerRevision:
        contents = self._workspace.contents
        if self._last is None:
            self._last = Revisions(self._workspace.journal).last()
        # An analysis of the project has a file of its own.
        own = contents.subjects.get(subject, entry.data)
        known = {
            each: self._last[each] for each in (PROJECT_FILE, entry.file) if each in self._last
        }
        return LedgerRevision(
            digest_of([contents.project, own]),
            max((number for number, _ in known.values()), default=0),
            any(self._is_edited(path, after) for path, (_, after) in known.items()),
        )

    def _is_edited(self, path: str, known: str | None) -> bool:
        if path not in self._edited:
            text = self._workspace.files.text(path)
            self._edited[path] = known != (None if text is None else digest(text))
        return self._edited[path]
