"""Telling of each contract as soon as it is known, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from asimov.testing.conformance.contracts import EVERYWHERE, of_scene
from asimov.testing.conformance.findings import Finding


class Telling:
    """Passes findings on, each once.

    A scene comes to its contracts in their order: once it has found something of a later one,
    nothing more comes of those before. That a contract does not hold is final at once.

    Parameters
    ----------
    tell
        Is given each finding when it is final.
    """

    def __init__(self, tell: Callable[[Finding], None]) -> None:
        self.tell = tell
        self._told: dict[str, bool | None] = {}

    def look(self, scene: str, found: Mapping[str, Finding], *, over: bool = False) -> None:
        """Take what a scene has found so far.

        Parameters
        ----------
        scene
            Which one.
        found
            What it has found, by contract.
        over
            Whether it has ended.
        """
        here = of_scene(scene)
        names = [each.name for each in here if each.scene == scene]
        last = max((place for place, name in enumerate(names) if name in found), default=0)
        for place, name in enumerate(names):
            if name not in found:
                break
            if not (over or place < last or found[name].holds is False):
                break
            self._pass_on(found[name])
        for each in here:
            if each.scene == EVERYWHERE and each.name in found and found[each.name].holds is False:
                self._pass_on(found[each.name])

    def rest(self, findings: Iterable[Finding]) -> None:
        """Take what was found in the end; tell of what nothing was told of yet."""
        for each in findings:
            self._pass_on(each)

    def _pass_on(self, finding: Finding) -> None:
        # What is told otherwise in the end, which no scene does, would be told twice.
        if self._told.get(finding.contract, ()) != finding.holds:
            self._told[finding.contract] = finding.holds
            self.tell(finding)
