"""The verdict on each analysis: it is current, or out of date for some reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.record import Provenance, last_run
from asimov.engine.provenance.software import package_of
from asimov.engine.staleness.files import Files
from asimov.engine.staleness.reasons import Reason
from asimov.engine.staleness.settings import changed_settings
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.ledger.validity import counted
from asimov.project.workspace import Workspace

#: States in which an analysis has no result, and none is being made.
WITHOUT_RESULT = frozenset(
    {"ready", "wait", "stuck", "stop", "stopped", "restart", "cancelled", "manual"}
)


def outdated(workspace: Workspace, keys: Iterable[Key]) -> dict[Key, tuple[Reason, ...]]:
    """Return the analyses that are out of date, each with the reasons.

    An analysis is out of date if something that counts (see the setting ``outdated by``) has
    changed since it ran. Those without a result, and those whose run was not recorded, are not.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses to look at.
    """
    verdicts = _Verdicts(workspace)
    found = {key: verdicts.of(key) for key in keys}
    verdicts.keep()
    return {key: reasons for key, reasons in found.items() if reasons}


class _Verdicts:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._records = ProvenanceRecords(workspace.journal)
        self._checksums = Checksums(self._records)
        self._files = Files(workspace, self._checksums)

    def of(self, key: Key) -> tuple[Reason, ...]:
        known = key in self._workspace.contents.entries
        if not known or self._workspace.status(key) in WITHOUT_RESULT:
            return ()
        run = last_run(self._workspace.journal, key)
        if run is None:
            return ()
        kinds = counted(self._workspace.settings(key))
        return tuple(each for each in self._reasons(key, run[1]) if each.kind in kinds)

    def _reasons(self, key: Key, found: Provenance) -> Iterator[Reason]:
        yield from changed_settings(self._workspace, self._records, key, found)
        yield from self._files.changed(found)
        now = package_of(found.pipeline)
        if found.package and now and now != found.package and not _is_own(found.package):
            yield Reason("version", f"{found.package} -> {now}")

    def keep(self) -> None:
        if not self._workspace.reading:
            self._checksums.keep()


def _is_own(package: str) -> bool:
    """Return whether a pipeline comes with asimov: then its version says nothing of the result."""
    return package.partition("==")[0] == "asimov"
