"""The verdict on each analysis: current, or out of date and why."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from asimov.engine.staleness.fingerprints import Fingerprints
from asimov.engine.staleness.reasons import RESULTS, Reason
from asimov.journal.keys import Key
from asimov.ledger.validity import counted
from asimov.project.workspace import Workspace

if TYPE_CHECKING:
    from asimov.engine.staleness.comparison import Comparison

#: States in which an analysis has no result, and none is being made.
WITHOUT_RESULT = frozenset(
    {"ready", "wait", "stuck", "stop", "stopped", "restart", "cancelled", "manual", "asking"}
)


def outdated(workspace: Workspace, keys: Iterable[Key]) -> dict[Key, tuple[Reason, ...]]:
    """Return the analyses that are out of date, each with the reasons.

    An analysis is out of date if something that counts (see the setting ``outdated by``) has
    changed since it ran, or if its stored products are damaged. Those without a result are not.
    Of those whose run was not recorded, only damage is known.

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
        self._comparison: Comparison | None = None
        self._fingerprints = Fingerprints(workspace)
        self._fingerprints.load(keys)

    def of(self, key: Key) -> tuple[Reason, ...]:
        known = self._fingerprints.standing(key)
        reasons = self._compare(key) if known is None else known.reasons
        is_stored = self._workspace.records[key].status == "uploaded"
        if known is not None and known.products is None and is_stored:
            products = self._compared.products
            reasons = (*reasons, *products.damage(key))
            self._fingerprints.complete(key, known, reasons, products.evidence(key))
        if not reasons:
            return ()
        kinds = counted(self._workspace.settings(key))
        return tuple(each for each in reasons if each.kind in kinds or each.kind == RESULTS)

    @property
    def _compared(self) -> Comparison:
        if self._comparison is None:
            # It loads much that a command which finds nothing changed can do without.
            from asimov.engine.staleness.comparison import Comparison

            self._comparison = Comparison(self._workspace)
        return self._comparison

    def _compare(self, key: Key) -> tuple[Reason, ...]:
        since = time.time()
        found = self._compared.of(key)
        if found.ran_with is not None and found.is_complete:
            uid = self._workspace.records[key].uid or ""
            is_stored = self._workspace.records[key].status == "uploaded"
            products = self._compared.products.evidence(key) if is_stored else None
            self._fingerprints.take(key, uid, found.ran_with, since, found.reasons, products)
        return found.reasons

    def keep(self) -> None:
        """Keep what was found out, unless the project is only read."""
        self._fingerprints.keep()
        if self._comparison is not None and not self._workspace.reading:
            self._comparison.keep()
