"""Check an analysis against the rules of the computing site that the project has chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import hold_policy
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace, workspace_of
from asimov.scheduler.default_commands import default_commands
from asimov.scheduler.jobs import submit_commands
from asimov.scheduler.sites.check import broken, quotation
from asimov.scheduler.sites.profile import Rule, Site
from asimov.system import clock
from asimov.text import joined

#: Keys of ``scheduler`` that are no submit commands.
_NOT_COMMANDS = {"type", "job id"}


def check_site(analysis: Analysis, report: Callable[[str], None]) -> None:
    """Refuse an analysis whose jobs the site would refuse, and report lesser faults.

    Parameters
    ----------
    analysis
        The analysis, about to be built.
    report
        Takes a line for each rule that it breaks and may break.

    Raises
    ------
    AsimovError
        With the first fault, the site's rule, and the source of the rule.
    """
    workspace = workspace_of(analysis)
    site = workspace.site
    if not (site.rules or site.held):
        return
    settings = workspace.effective(analysis.key)
    refused = []
    for rule, fault in broken(site, commands_of(workspace, settings)):
        if rule.refuses:
            refused.append((rule, fault))
        else:
            report(joined(f"{analysis.key}: {fault}", quotation(rule, site.title)))
    refused += _too_slow(site, settings)
    if refused:
        rule, fault = refused[0]
        others = [other for _, other in refused[1:]]
        also = f"also: {'; '.join(others)}. " if others else ""
        raise AsimovError(
            joined(str(fault), quotation(rule, site.title)),
            hint=f"{also}'asimov configuration site' shows the site's rules and chooses another",
        )


def commands_of(workspace: Workspace, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the submit commands that configuration and settings give the jobs of an analysis.

    Parameters
    ----------
    workspace
        The open project.
    settings
        The effective settings of the analysis.
    """
    commands = default_commands(workspace.project.config)
    if settings.get("files") == "shared":
        commands["should_transfer_files"] = "NO"
    given = settings.get("scheduler")
    if isinstance(given, Mapping):
        wanted = {key: value for key, value in given.items() if key not in _NOT_COMMANDS}
        commands |= submit_commands(wanted)
    return commands


def _too_slow(site: Site, settings: Mapping[str, Any]) -> list[tuple[Rule, str]]:
    """Return the holds that the ledger lets stand longer than the site does."""
    if site.held is None:
        return []
    after, source = site.held
    rule = Rule(f"Held jobs are removed after {clock.age(after)}.", source, lambda _: None)
    return [
        (rule, f"holds: {name}: a pause of {clock.age(remedy.pause)} is too long")
        for name, remedy in hold_policy.read(settings.get("holds")).items()
        if remedy.action != "stuck" and remedy.times and remedy.pause >= after
    ]
