"""OSPool: no shared file system, and a category of duration for each job."""

from __future__ import annotations

from asimov.scheduler.sites.profile import Fact, Rule, Site
from asimov.scheduler.sites.rules import among, shares_no_files

_DURATION = (
    "https://portal.osg-htc.org/documentation/htc_workloads/workload_planning/jobdurationcategory/"
)

_DATA = "https://osg-htc.org/osg-portal-documentation/htc_workloads/managing_data/overview"

SITE = Site(
    title="OSPool",
    rules=(
        Rule(
            "The computers that execute jobs don't have direct access to the files placed on the "
            "Access Point; jobs need to bring along the data, code, packages and other files.",
            _DATA,
            shares_no_files,
        ),
        Rule(
            "The JobDurationCategory is Medium (the default; expected less than 10 hours, at most "
            "20) or Long (expected less than 20 hours, at most 40).",
            _DURATION,
            among("my.jobdurationcategory", ("Medium", "Long")),
        ),
    ),
    facts=(
        Fact(
            "A job without a JobDurationCategory is Medium, and may run for 20 hours at a time.",
            _DURATION,
        ),
        Fact(
            "Jobs that run for more than 20 hours at a time should write checkpoints.",
            _DURATION,
        ),
    ),
    settings={"files": "transfer"},
)
