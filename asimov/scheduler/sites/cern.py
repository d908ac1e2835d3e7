"""CERN's batch pool: its job flavours, disk per processor, Kerberos, and held jobs it removes."""

from __future__ import annotations

from asimov.scheduler.sites.profile import Commands, Fact, Rule, Site
from asimov.scheduler.sites.rules import among, within_cores

_LIMITS = "https://batchdocs.web.cern.ch/concepts/service-limits.html"
_FLAVOURS = "https://batchdocs.web.cern.ch/tutorial/exercise6b.html"
_DATA = "https://batchdocs.web.cern.ch/concepts/dataflow.html"
_PYTHON = "https://batchdocs.web.cern.ch/local/pythonapi.html"

#: The flavours of jobs, and the longest time that each may run.
FLAVOURS = {
    "espresso": "20 minutes",
    "microcentury": "1 hour",
    "longlunch": "2 hours",
    "workday": "8 hours",
    "tomorrow": "1 day",
    "testmatch": "3 days",
    "nextweek": "1 week",
}


def _no_time(commands: Commands) -> str | None:
    if "my.jobflavour" in commands or "my.maxruntime" in commands:
        return None
    return (
        "neither +JobFlavour nor +MaxRuntime is set, so the job is removed after 20 minutes: set "
        "'+JobFlavour' under 'scheduler:'"
    )


SITE = Site(
    title="CERN batch",
    rules=(
        Rule(
            f"The flavours are {', '.join(f'{k} ({v})' for k, v in FLAVOURS.items())}.",
            _FLAVOURS,
            among("my.jobflavour", tuple(FLAVOURS)),
        ),
        Rule(
            "The default flavour of a job submitted with no other information is espresso.",
            _FLAVOURS,
            _no_time,
            refuses=False,
        ),
        Rule(
            "The pool space is 20 GB per processing core; if you need more, request more cores, or "
            "the job is killed for using too much disk.",
            _DATA,
            within_cores("request_disk", 20),
            refuses=False,
        ),
    ),
    facts=(
        Fact(
            "The system removes held jobs that are on hold for more than 24 hours.",
            _LIMITS,
        ),
        Fact("The system removes jobs that were restarted more than 10 times.", _LIMITS),
        Fact(
            "Jobs get the submitter's Kerberos credentials (MY.SendCredential = true), to read "
            "AFS and EOS.",
            _PYTHON,
        ),
    ),
    settings={"scheduler": {"MY.SendCredential": True}},
    held=(24 * 3600.0, _LIMITS),
)
