"""Compare the recorded inputs, settings and software of a run with the present ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.record import Provenance, last_run
from asimov.engine.provenance.software import package_of
from asimov.engine.provenance.trees import Trees
from asimov.engine.staleness.environments import other_image, other_packages
from asimov.engine.staleness.files import Files
from asimov.engine.staleness.products import other_products
from asimov.engine.staleness.reasons import Reason
from asimov.engine.staleness.results import StoredProducts
from asimov.engine.staleness.settings import changed_settings, is_usable
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.project.workspace import Workspace


class Found(NamedTuple):
    """What has changed since an analysis ran.

    Attributes
    ----------
    ran_with
        What it ran with; None if that was not recorded.
    reasons
        Each thing that has changed.
    is_complete
        Whether everything could be compared.
    """

    ran_with: Provenance | None
    reasons: tuple[Reason, ...] = ()
    is_complete: bool = True


class Comparison:
    """Compares the analyses of a project.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._records = ProvenanceRecords(workspace.journal)
        self._checksums = Checksums(self._records)
        self._files = Files(workspace, self._checksums)
        self._trees = Trees()
        #: The stored products of its analyses.
        self.products = StoredProducts(workspace, self._checksums)
        self._usable: dict[str, bool] = {}

    def of(self, key: Key) -> Found:
        """Return what has changed since an analysis ran."""
        run = last_run(self._workspace.journal, key)
        damage = tuple(self.products.damage(key))
        if run is None:
            return Found(None, damage)
        found = run[1]
        pipeline = self._workspace.contents.entries[key].pipeline
        rest = (
            *_other_pipeline(found, pipeline),
            *self._files.changed(key, found),
            *other_products(self._workspace, found),
            *_other_version(found),
            *other_packages(self._records, found),
            *other_image(self._trees, found),
            *damage,
        )
        if not self._is_usable(pipeline):
            return Found(found, rest, is_complete=False)
        changed = changed_settings(self._workspace, self._records, key, found)
        return Found(found, (*changed, *rest))

    def _is_usable(self, pipeline: str) -> bool:
        if pipeline not in self._usable:
            self._usable[pipeline] = is_usable(self._workspace, pipeline)
        return self._usable[pipeline]

    def keep(self) -> None:
        """Have the journal keep new checksums."""
        self._checksums.keep()


def _other_pipeline(found: Provenance, pipeline: str) -> Iterator[Reason]:
    if found.pipeline.lower() != pipeline.lower():
        yield Reason("settings", f"pipeline: {found.pipeline} -> {pipeline}")


def _other_version(found: Provenance) -> Iterator[Reason]:
    now = package_of(found.pipeline)
    # The version of asimov's own pipelines says nothing of what they run, and one that is not
    # installed here has not changed.
    is_own = found.package.partition("==")[0] == "asimov"
    if found.package and now and now != found.package and not is_own:
        yield Reason("version", f"{found.package} -> {now}")
