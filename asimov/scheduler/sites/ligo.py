"""The LIGO grid (IGWN): accounting tags, disk requests with units, no ``getenv = true``, tokens."""

from __future__ import annotations

from asimov.scheduler.sites.profile import Fact, Rule, Site
from asimov.scheduler.sites.rules import has, has_units, no_whole_environment

_ACCOUNTING = "https://computing.docs.ligo.org/guide/condor/accounting/"
_GETENV = "https://computing.docs.ligo.org/guide/compsoft/roadmap/LVK/htcondor_getenv_true/"
_CREDENTIALS = "https://computing.docs.ligo.org/guide/htcondor/credentials/"
_SUBMIT = (
    "https://htcondor.readthedocs.io/en/latest/admin-manual/configuration-macros.html"
    "#SUBMIT_REQUEST_MISSING_UNITS"
)
_DISK = 'Please specify the amount of disk needed using "request_disk"'

SITE = Site(
    title="LIGO grid",
    rules=(
        Rule(
            "All jobs must include an accounting_group referencing a pre-approved tag; jobs "
            "without accounting tags fail instantly.",
            _ACCOUNTING,
            has(
                "accounting_group",
                "'accounting group' under 'scheduler:', or 'asimov configuration update "
                '"condor/accounting group" TAG\'',
            ),
        ),
        Rule(
            _DISK,
            "the answer of ldas-grid.ligo.caltech.edu to a job without it",
            has("request_disk", "'request disk: 2 GB' under 'scheduler:'"),
        ),
        Rule(
            "Where SUBMIT_REQUEST_MISSING_UNITS is 'error', it is an error to submit a job with a "
            "request_memory or request_disk without a unit.",
            _SUBMIT,
            has_units,
        ),
        Rule(
            "Any workflow that attempts to submit jobs that include getenv = true will fail to "
            "submit.",
            _GETENV,
            no_whole_environment,
        ),
    ),
    facts=(
        Fact(
            "Jobs get a SciToken of the issuer igwn (use_oauth_services = igwn); its file is in "
            "the folder $_CONDOR_CREDS.",
            _CREDENTIALS,
        ),
        Fact(
            "From a shared account, accounting_group_user must say who is responsible.",
            _ACCOUNTING,
        ),
    ),
    settings={"scheduler": {"use_oauth_services": "igwn"}},
)
