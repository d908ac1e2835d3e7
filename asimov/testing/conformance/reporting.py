"""Report whether each contract holds, as soon as nothing later in its scene can change that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from asimov.testing.conformance.contracts import EVERYWHERE, of_scene
from asimov.testing.conformance.findings import Finding


class Reporter:
    """Passes each final finding on, once.

    A scene judges its contracts in their order: once it has a finding for a later contract, those
    for earlier ones are final. A failure is final at once.

    Parameters
    ----------
    report
        Called with each finding when it is final.
    """

    def __init__(self, report: Callable[[Finding], None]) -> None:
        self.report = report
        self._reported: dict[str, bool | None] = {}

    def update(self, scene: str, found: Mapping[str, Finding], *, over: bool = False) -> None:
        """Report the findings of a scene that have become final.

        Parameters
        ----------
        scene
            The name of the scene.
        found
            Its findings so far, by contract.
        over
            Whether the scene has ended.
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

    def finish(self, findings: Iterable[Finding]) -> None:
        """Report the findings that have not been reported yet."""
        for each in findings:
            self._pass_on(each)

    def _pass_on(self, finding: Finding) -> None:
        # A verdict that changes later, which no scene causes, would be reported again.
        if self._reported.get(finding.contract, ()) != finding.holds:
            self._reported[finding.contract] = finding.holds
            self.report(finding)
