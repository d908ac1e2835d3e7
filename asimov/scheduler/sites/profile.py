"""The profile of a computing site: its rules for jobs with their sources, and defaults there.

A package publishes a `Site` under the entry-point group ``asimov.sites``; the entry point's name is
what ``[site] name`` of the configuration says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

#: The submit commands of a job: values as text, by name as
#: `asimov.scheduler.sites.check.normal` spells it.
Commands = Mapping[str, str]


class Rule(msgspec.Struct, frozen=True):
    """A rule of a site that the submit commands of a job can break.

    Parameters
    ----------
    text
        The rule, in a sentence, as the site's documentation has it.
    source
        The address of that documentation.
    fault
        Takes the submit commands; returns what is wrong with them, or None.
    refuses
        Whether a job that breaks the rule can't run there. A build refuses it then, and only says
        so otherwise.
    """

    text: str
    source: str
    fault: Callable[[Commands], str | None]
    refuses: bool = True


class Fact(msgspec.Struct, frozen=True):
    """Something about a site that users should know and no job can break.

    Parameters
    ----------
    text
        A sentence.
    source
        The address of the documentation that says so.
    """

    text: str
    source: str


class Site(msgspec.Struct, frozen=True):
    """A computing site.

    Parameters
    ----------
    title
        Its name for people.
    rules
        Its rules for jobs.
    facts
        What else users should know.
    settings
        Defaults for every analysis of the project, under all that the ledger says.
    held
        After how many seconds the site removes held jobs, with the source; None if it does not.
    """

    title: str
    rules: tuple[Rule, ...] = ()
    facts: tuple[Fact, ...] = ()
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    held: tuple[float, str] | None = None
