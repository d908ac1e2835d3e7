"""Which files match the patterns of an analysis's inputs now, but did not when it ran."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from asimov.engine.provenance.record import Provenance
from asimov.engine.provenance.used_files import is_within
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.system.file_patterns import matching


class Change(NamedTuple):
    """What has changed about a pattern since an analysis ran.

    Attributes
    ----------
    pattern
        The pattern.
    new, gone
        The files that match it now and did not, and those that did and do not now.
    """

    pattern: str
    new: list[str]
    gone: list[str]


class Patterns:
    """What patterns match now; each is looked up once.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._root = str(workspace.project.root)
        self._now: dict[str, frozenset[str]] = {}

    def changed(self, key: Key, found: Provenance) -> Iterator[Change]:
        """Yield what has changed about the patterns that an analysis's inputs were found with.

        A pattern that nothing matches any more says nothing: its disk may be away, and the analysis
        can't run again. Nor does what the analysis makes itself. Of products of other analyses that
        are gone, what was stored counts.
        """
        if not found.patterns:
            return
        products = {each.path for each in found.files if each.of}
        for pattern, paths in found.patterns.items():
            then, now = frozenset(paths), self.now(pattern)
            if not now or now == then:
                continue
            new = [each for each in sorted(now - then) if not self._is_own(key, each)]
            gone = [
                each
                for each in sorted(then - now)
                if each not in products and not self._is_own(key, each)
            ]
            if new or gone:
                yield Change(pattern, new, gone)

    def now(self, pattern: str) -> frozenset[str]:
        """Return what matches a pattern, as records have paths."""
        if pattern not in self._now:
            root = f"{self._root}/"
            paths = matching(pattern, self._root)
            self._now[pattern] = frozenset(each.removeprefix(root) for each in paths)
        return self._now[pattern]

    def _is_own(self, key: Key, path: str) -> bool:
        project = self._workspace.project
        path = str(project.path(path))
        own = self._workspace.settings(key).get("rundir")
        rundir = str(project.path(str(own)) if own else project.working.joinpath(*key))
        stored = str(self._workspace.store.root.joinpath(*key))
        return (
            is_within(path, rundir)
            or is_within(path, stored)
            or path.startswith(f"{rundir}.superseded-")
        )
