"""Which settings of an analysis people have changed since it ran.

What pipelines wrote does not count, nor what follows from other settings: a run may write both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from asimov.discovery import entrypoints
from asimov.engine.provenance.comparison import differing, named
from asimov.engine.provenance.record import Provenance, layers_of
from asimov.engine.staleness.reasons import Reason
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.ledger.contents import WRITTEN, with_effect
from asimov.ledger.reserved import OF_FAILURES
from asimov.ledger.validity import OUTDATED_BY, RERUN
from asimov.plugins.declarations import import_published
from asimov.project.workspace import FOLLOWS, Workspace
from asimov.settings.merging import merge

#: Settings that say when, where and with how many tries an analysis runs, not what it makes.
ASIDE = frozenset({OUTDATED_BY, RERUN, "reuse", "refreshable", "scheduler", "holds", *OF_FAILURES})

_Layers = Iterable[tuple[str, Mapping[str, Any]]]


def changed_settings(
    workspace: Workspace, records: ProvenanceRecords, key: Key, found: Provenance
) -> Iterator[Reason]:
    """Yield each setting that differs from those that an analysis was configured with.

    Parameters
    ----------
    workspace, records
        The open project, and its records of what attempts ran with.
    key, found
        The analysis, and what it ran with.
    """
    then = layers_of(records, found)
    if not all(layer for _, layer in then):
        return  # the journal has lost a part of them
    facts = (workspace.facts.get(each, {}) for each in (Key(key.subject, ""), key))
    written = named(merge([*(layer for name, layer in then if _is_written(name)), *facts]))
    before, after = _configured(then), _configured(workspace.configured(key))
    for each in differing("settings", before, after):
        # A pipeline's default may stand only until the setting is written.
        if each.name not in written or (each.name in before) == (each.name in after):
            yield Reason("settings", str(each))


def is_usable(workspace: Workspace, pipeline: str) -> bool:
    """Return whether it can be found out which settings a pipeline declares."""
    known = entrypoints.is_known(entrypoints.PIPELINES, pipeline)
    return known and import_published(workspace, pipeline, whole=True) is None


def _configured(layers: _Layers) -> dict[str, Any]:
    kept = merge(
        with_effect((name, layer))
        for name, layer in layers
        if not _is_written(name) and name != FOLLOWS
    )
    return named({name: value for name, value in kept.items() if name not in ASIDE})


def _is_written(layer: str) -> bool:
    return layer.startswith(WRITTEN)
