"""Each contract is told of once, in the order of the table, as soon as it is known."""

from __future__ import annotations

from asimov.testing.conformance.contracts import CONTRACTS
from asimov.testing.conformance.findings import Finding
from asimov.testing.conformance.reporting import Reporter


def found(**held: bool | None) -> dict[str, Finding]:
    names = {name.replace("_", "-"): holds for name, holds in held.items()}
    return {name: Finding(name, holds) for name, holds in names.items()}


def test_what_may_still_be_found_not_to_hold_is_kept_back() -> None:
    told: list[str] = []
    reporter = Reporter(lambda finding: told.append(finding.contract))
    reporter.update("life", found(dry_runs=True))
    assert told == []
    reporter.update("life", found(dry_runs=True, builds_again=None))
    assert told == ["dry-runs"]
    reporter.update("life", found(dry_runs=True, builds_again=None), over=True)
    assert told == ["dry-runs", "builds-again"]


def test_what_does_not_hold_is_told_at_once() -> None:
    told: list[str] = []
    reporter = Reporter(lambda finding: told.append(finding.contract))
    reporter.update("life", found(dry_runs=False))
    reporter.update("life", found(dry_runs=False, any_folder=False, returns=True))
    assert told == ["dry-runs", "any-folder"]


def test_what_a_scene_comes_to_early_waits_for_its_place() -> None:
    told: list[str] = []
    reporter = Reporter(lambda finding: told.append(finding.contract))
    reporter.update("configuration", found(renders=True, rundir_untouched=True))
    assert told == ["renders"]
    reporter.update("configuration", found(renders=True, rundir_untouched=True, renders_again=True))
    assert told == ["renders", "renders-again"]


def test_in_the_end_all_is_told_and_nothing_twice() -> None:
    told: list[Finding] = []
    reporter = Reporter(told.append)
    reporter.update("loading", found(loads=True, name=False), over=True)
    reporter.finish(Finding(name, name != "name") for name in CONTRACTS)
    assert sorted(each.contract for each in told) == sorted(CONTRACTS)
    assert [each.contract for each in told if not each.holds] == ["name"]
