"""Check the submit commands of a job against the rules of a site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asimov.scheduler.sites.profile import Commands, Fact, Rule, Site


def normal(commands: Mapping[str, str]) -> dict[str, str]:
    """Return submit commands by the names that rules know them by.

    Names are in lower case; attributes of one's own begin with ``my.``, also where they are written
    ``+Name``; HTCondor's second spellings, such as ``RequestDisk``, have become the first.

    >>> normal({"+JobFlavour": '"workday"', "RequestDisk": "1 GB", "Getenv": "True"})
    {'my.jobflavour': '"workday"', 'request_disk': '1 GB', 'getenv': 'True'}
    """
    found = {}
    for name, value in commands.items():
        plain = name.lower()
        if plain.startswith("+"):
            plain = f"my.{plain[1:]}"
        for resource in ("cpus", "memory", "disk", "gpus"):
            if plain == f"request{resource}":
                plain = f"request_{resource}"
        found[plain] = value.strip()
    return found


def broken(profile: Site, commands: Commands) -> Iterator[tuple[Rule, str]]:
    """Yield each rule of a site that a job's submit commands break, and how.

    Parameters
    ----------
    profile
        The site.
    commands
        The submit commands in any spelling.
    """
    known_as = normal(commands)
    for rule in profile.rules:
        fault = rule.fault(known_as)
        if fault is not None:
            yield rule, fault


def quotation(rule: Rule | Fact, title: str) -> str:
    """Return a rule of a site as a quotation with its source."""
    return f'{title}: "{rule.text}" ({rule.source})'
