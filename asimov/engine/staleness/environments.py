"""Which environments that an analysis ran in are others now: their packages, or an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asimov.engine.provenance.comparison import differing
from asimov.engine.provenance.record import Provenance
from asimov.engine.provenance.software import environment
from asimov.engine.provenance.trees import TREE, Trees
from asimov.engine.staleness.reasons import Reason
from asimov.journal.provenance import ProvenanceRecords
from asimov.text import line, listed

#: The packages that a reason names.
_MOST = 3


def other_packages(records: ProvenanceRecords, found: Provenance) -> Iterator[Reason]:
    """Yield each environment whose packages are not those that an analysis ran with.

    An environment that is gone says nothing, nor does a release of asimov.
    """
    parts = records.parts(found.software.values()) if found.software else {}
    for prefix, digest in found.software.items():
        now, then = environment(prefix), parts.get(digest)
        if now is None or then is None or now.packages == then:
            continue
        changes = [
            str(each)
            for each in differing("software", _versions(then), _versions(now.packages))
            if each.name != "asimov"
        ]
        if changes:
            more = [f"{len(changes) - _MOST} more"] if len(changes) > _MOST else []
            yield Reason("version", f"{listed(changes[:_MOST] + more)} in {prefix}")


def other_image(trees: Trees, found: Provenance) -> Iterator[Reason]:
    """Yield the image that an analysis ran in, if it is an unpacked one that has changed."""
    if found.image_digest.startswith(TREE):
        now = trees.of(found.image)
        if now and now != found.image_digest:
            yield Reason("version", f"the image {line(found.image)} has changed")


def _versions(packages: Sequence[str]) -> dict[str, str]:
    return {name: version for name, _, version in (each.partition("==") for each in packages)}
