"""The list of analyses as JSON, which is kept while nothing has changed."""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import cached_property

from asimov.engine.selection import Selection, names_of
from asimov.engine.status import Rows, without_entry
from asimov.journal.keys import Key
from asimov.project.patterns import Names
from asimov.project.workspace import Workspace
from asimov.server.api.paging import Page
from asimov.system.json_text import indented, plain_json

#: The seconds after which a row is made again though nothing has changed: there are times in it,
#: and whether files have changed.
_FRESH = 1.0
#: How many selections are kept.
_SELECTIONS = 50


class Listing:
    """The analyses of a project, for as long as its state is the same.

    Parameters
    ----------
    workspace
        The open project.

    Attributes
    ----------
    state
        The state of the project that it is of.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.state = workspace.state
        self._workspace = workspace
        self._hidden = {Key(row.subject, row.name): row for row in without_entry(workspace)}
        self._chosen: OrderedDict[Selection, list[Key]] = OrderedDict()
        self._texts: dict[Key, str] = {}
        self._since = time.monotonic()

    def page(self, selection: Selection, page: Page) -> str:
        """Return a page of the selected analyses, as JSON.

        Raises
        ------
        AsimovError
            If the selection can't be meant; see `Selection.of`.
        """
        if time.monotonic() > self._since + _FRESH:
            self._texts.clear()
            self._since = time.monotonic()
        chosen = self._chosen_by(selection)
        shown, more = page.of(chosen, Key.of, self._names.keys)
        texts = self._texts_of(chosen[shown.start : shown.stop])
        rest = plain_json({"total": len(chosen), "next": more})
        return indented(f'{{"items": [{", ".join(texts)}], {rest[1:]}')

    def _chosen_by(self, selection: Selection) -> list[Key]:
        """Return the selected analyses, also of those that only the journal knows."""
        if selection in self._chosen:
            self._chosen.move_to_end(selection)
            return self._chosen[selection]
        found = selection.of(
            self._workspace, more=self._hidden, may_be_empty=True, names=self._names
        )
        if not selection.outdated:  # that changes with files
            self._chosen[selection] = found
            while len(self._chosen) > _SELECTIONS:
                self._chosen.popitem(last=False)
        return found

    def _texts_of(self, keys: list[Key]) -> list[str]:
        """Return the rows of analyses as JSON; those that only the journal knows are last."""
        new = [key for key in keys if key not in self._texts and key not in self._hidden]
        made = zip(new, self._rows.of(new), strict=True) if new else ()
        self._texts.update((key, plain_json(row.as_json())) for key, row in made)
        listed = [self._texts[key] for key in keys if key not in self._hidden]
        hidden = [plain_json(self._hidden[key].as_json()) for key in keys if key in self._hidden]
        return listed + hidden

    @cached_property
    def _names(self) -> Names:
        return names_of(self._workspace, self._hidden)

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self._workspace)
