"""Which products an analysis's inputs have now, but did not have when it ran.

A product may stand for all files that match a pattern, or for one of each run: made again, its
analysis may have more of them, or fewer.
"""

from __future__ import annotations

from collections.abc import Iterator

from asimov.engine.provenance.lookup import attempt_stored, stored_results
from asimov.engine.provenance.record import Provenance
from asimov.engine.staleness.reasons import Reason
from asimov.journal.keys import Key
from asimov.project.storage.assets import paths_recorded
from asimov.project.workspace import Workspace
from asimov.text import counted, line

#: Products that reasons name, of those that are new and those that are gone.
_NAMED = 3


def other_products(workspace: Workspace, found: Provenance) -> Iterator[Reason]:
    """Yield the products that only one of two attempts of an input has: the one used, or the last.

    Nothing is said of one that is not stored any more.
    """
    store = workspace.store
    for of, attempt in dict.fromkeys((each.of, each.attempt) for each in found.files if each.of):
        key = Key.of(of)
        if not attempt or key not in workspace.contents.entries:
            continue
        if workspace.status(key) != "uploaded" or attempt_stored(store, key) in {"", attempt}:
            continue
        folder = stored_results(store, key, attempt)
        then = folder and paths_recorded(folder)
        now = paths_recorded(store.root / key.subject / key.name)
        if then and now:
            yield from _lines(of, sorted(now - then), "a new product", "new products")
            yield from _lines(of, sorted(then - now), "no product any more", "no products any more")


def _lines(of: str, paths: list[str], what: str, plural: str) -> Iterator[Reason]:
    for path in paths[:_NAMED]:
        yield Reason("inputs", f"{line(path)} of {of} is {what}")
    if (more := len(paths) - _NAMED) > 0:
        is_one = more == 1
        they = f"{counted(more, 'more file')} of {of}"
        yield Reason("inputs", f"{they} {'is' if is_one else 'are'} {what if is_one else plural}")
