"""A build checks each analysis against the rules of the project's site."""

from __future__ import annotations

import json
from typing import Any

import pytest

COMMAND = (
    "a, pipeline: command, executable: echo, arguments: [hi], outputs: {o: job.out}, scheduler: %s"
)
LIGO = "https://computing.docs.ligo.org/guide/"


def test_a_build_refuses_what_the_site_refuses_and_quotes_its_rule(lab: Any) -> None:
    lab.run("configuration", "site", "ligo")
    lab.apply(COMMAND % "{request disk: 2 GB}")
    told = lab.run("manage", "build", code=1).out
    assert "s/a: accounting_group is missing" in told
    assert 'LIGO grid: "All jobs must include an accounting_group' in told
    assert f"({LIGO}condor/accounting/)" in told
    assert lab.states() == {"a": "ready"}
    assert not lab.config("a").exists()
    assert "accounting_group is missing" in lab.run("why", "s", "a").out
    lab.run("configuration", "update", "condor/accounting group", "ligo.dev.o4.cbc.pe.test")
    assert "built" in lab.run("manage", "build").out


def test_all_faults_of_an_analysis_are_shown_at_once(lab: Any) -> None:
    lab.run("configuration", "site", "ligo")
    lab.apply(COMMAND % "{request disk: 2000, getenv: true}")
    told = lab.run("manage", "build", code=1).out
    for fault in ("accounting_group is missing", "2000 has no unit", "getenv = true"):
        assert fault in told


def test_a_lesser_fault_is_reported_and_the_analysis_is_built(lab: Any) -> None:
    lab.run("configuration", "site", "cern")
    lab.apply(COMMAND % "{request cpus: 1}")
    told = lab.run("manage", "build").out
    assert "the job is removed after 20 minutes" in told
    assert "batchdocs.web.cern.ch" in told
    assert "s/a: built" in told


def test_an_analysis_that_shares_files_is_refused_where_nothing_is_shared(lab: Any) -> None:
    lab.run("configuration", "site", "ospool")
    lab.apply(COMMAND % "{request cpus: 1}" + ", files: shared")
    assert "set 'files: transfer'" in lab.run("manage", "build", code=1).out


def test_a_pause_longer_than_the_site_keeps_held_jobs_is_refused(lab: Any) -> None:
    lab.run("configuration", "site", "cern")
    lab.apply(COMMAND % "{+JobFlavour: '\"workday\"'}" + ", holds: {transient: {pause: 90000}}")
    told = lab.run("manage", "build", code=1).out
    assert "holds: transient: a pause of 1d is too long" in told
    assert "service-limits" in told


def test_jobs_request_tokens_as_the_site_says(lab: Any) -> None:
    lab.run("configuration", "site", "ligo")
    lab.run("configuration", "update", "condor/accounting group", "ligo.dev.o4.cbc.pe.test")
    lab.apply(COMMAND % "{request disk: 2 GB}")
    shown = lab.run("ledger", "show", "s", "a").out
    assert "use_oauth_services" not in shown  # the local scheduler has no tokens
    lab.run("configuration", "update", "scheduler/type", "htcondor")
    shown = lab.run("ledger", "show", "s", "a").out
    assert "use_oauth_services" in shown and "the site LIGO grid" in shown
    lab.apply(COMMAND % "{request disk: 2 GB, use_oauth_services: null}", update=True)
    assert "igwn" not in lab.run("ledger", "show", "s", "a").out


def test_a_site_is_shown_with_its_rules_and_their_sources(lab: Any) -> None:
    told = lab.run("configuration", "site", "cern").out
    assert "site/name = cern: CERN batch" in told
    assert "removes held jobs that are on hold for more than 24 hours" in told
    assert "https://batchdocs.web.cern.ch/concepts/service-limits.html" in told
    shown = json.loads(lab.run("configuration", "site", "--json").out)
    assert shown["name"] == "cern"
    assert shown["held"]["seconds"] == 86400
    assert {"cern", "ligo", "ospool", "plain"} <= set(shown["known"])
    assert shown["rules"] and all(rule["source"] for rule in shown["rules"])


@pytest.mark.parametrize("command", [("site", "legot"), ("update", "site/name", "legot")])
def test_an_unknown_site_is_not_chosen(lab: Any, command: tuple[str, ...]) -> None:
    assert "there is no site 'legot'" in lab.run("configuration", *command, code=1).err
    assert "site/name = plain" in lab.run("configuration", "site").out
