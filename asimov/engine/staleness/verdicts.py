"""The verdict on each analysis: it is current, or out of date for some reasons."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator

from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.record import Provenance, last_run
from asimov.engine.provenance.software import package_of
from asimov.engine.staleness.files import Files
from asimov.engine.staleness.fingerprints import Fingerprints
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
    looked = [key for key in keys if _has_result(workspace, key)]
    verdicts = _Verdicts(workspace, looked)
    found = {key: reasons for key in looked if (reasons := verdicts.of(key))}
    verdicts.keep()
    return found


def _has_result(workspace: Workspace, key: Key) -> bool:
    record = workspace.records.get(key)
    known = record is not None and key in workspace.contents.entries
    return known and record.status not in WITHOUT_RESULT  # type: ignore[union-attr]


class _Verdicts:
    def __init__(self, workspace: Workspace, keys: Collection[Key]) -> None:
        self._workspace = workspace
        self._records = ProvenanceRecords(workspace.journal)
        self._checksums = Checksums(self._records)
        self._files = Files(workspace, self._checksums)
        self._fingerprints = Fingerprints(workspace)
        self._fingerprints.load(keys)

    def of(self, key: Key) -> tuple[Reason, ...]:
        reasons = self._fingerprints.verdict(key)
        if reasons is None:
            reasons = self._look(key)
        if not reasons:
            return ()
        kinds = counted(self._workspace.settings(key))
        return tuple(each for each in reasons if each.kind in kinds)

    def _look(self, key: Key) -> tuple[Reason, ...]:
        """Compare everything that an analysis ran with and what is there now."""
        since = time.time()
        run = last_run(self._workspace.journal, key)
        if run is None:
            return ()
        reasons = tuple(self._reasons(key, run[1]))
        uid = self._workspace.records[key].uid or ""
        self._fingerprints.take(key, uid, run[1], since, reasons)
        return reasons

    def _reasons(self, key: Key, found: Provenance) -> Iterator[Reason]:
        yield from changed_settings(self._workspace, self._records, key, found)
        yield from self._files.changed(found)
        now = package_of(found.pipeline)
        if found.package and now and now != found.package and not _is_own(found.package):
            yield Reason("version", f"{found.package} -> {now}")

    def keep(self) -> None:
        self._fingerprints.keep()
        if not self._workspace.reading:
            self._checksums.keep()


def _is_own(package: str) -> bool:
    """Return whether a pipeline comes with asimov: then its version says nothing of the result."""
    return package.partition("==")[0] == "asimov"
