"""Refuse stored products as inputs of other analyses unless they are as they were stored."""

from __future__ import annotations

import os
from collections.abc import Callable

from asimov import text
from asimov.engine.provenance.checksums import Checksums
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.project.storage.verification import faults_of
from asimov.project.workspace import Workspace
from asimov.states import STATES


class DamagedInputError(AsimovError):
    """A stored product that an analysis would use is missing or has changed."""


class StoredInputs:
    """Checks the inputs of many analyses, each input once.

    Parameters
    ----------
    workspace
        The open project.
    report
        Takes a line for each product that the run directory has otherwise than the store.
    """

    def __init__(self, workspace: Workspace, report: Callable[[str], None] | None = None) -> None:
        self._workspace = workspace
        self._report = report
        self._store = workspace.store
        self._checksums = Checksums(ProvenanceRecords(workspace.journal))
        self._checked: dict[Key, DamagedInputError | None] = {}

    def check(self, key: Key) -> None:
        """Refuse an analysis if it would use a stored product that is not as it was stored.

        Products whose originals are unchanged in the run directories of their analyses are not
        looked at.

        Raises
        ------
        DamagedInputError
            With the first such file and the analysis that owns it.
        """
        for each in self._workspace.dependencies.inputs(key):
            if each not in self._checked:
                self._checked[each] = self._fault(each)
            if (error := self._checked[each]) is not None:
                raise error

    def _fault(self, key: Key) -> DamagedInputError | None:
        if not STATES[self._workspace.status(key)].done:
            return None
        hint = f"restore it from a backup, or make it again with 'asimov rerun {key}'"
        try:
            entries = self._store.manifest(*key)
        except AsimovError as error:
            return DamagedInputError(
                f"the results manifest of {key} {error.message}",
                where=error.where,
                hint=hint,
            )
        stored = self._workspace.analysis(key).stored_products
        if not entries or not (taken := stored.taken()):
            return None
        faults = list(faults_of(self._store.root, key, entries, taken, self._sha256))
        if not faults:
            self._tell(key)
            return None
        first = faults[0]
        if first.kind != "missing":
            what = f"has changed since it was stored: {first.detail}"
        elif os.path.lexists(f"{self._workspace.analysis(key).rundir}/{first.name}"):
            what = "is not in the results, and its run directory has another one"
        else:
            what = "is neither in its run directory nor in the results"
        more = f", and there is more: 'asimov store verify {key}'" if len(faults) > 1 else ""
        return DamagedInputError(
            f"{text.line(first.name)}, a product of {key}, {what}{more}",
            where=text.line(str(stored.folder / first.name)),
            hint=hint,
        )

    def _tell(self, key: Key) -> None:
        analysis, shown = self._workspace.analysis(key), self._workspace.project.stored
        if self._report is None or not analysis.replaced_products:
            return
        for original, stored in analysis.stored_products.changed().items():
            self._report(
                f"{key}: {text.line(shown(original))} has changed since it was stored: "
                f"{text.line(shown(stored))} is used instead"
            )

    def _sha256(self, path: str) -> str | None:
        return self._checksums.of(path)[0]
