"""The rules of sites: what each looks for in the submit commands of a job."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser

import pytest

from asimov.errors import AsimovError
from asimov.scheduler.sites import catalogue
from asimov.scheduler.sites.check import broken, normal, quotation

#: Submit commands that each site accepts without a word.
GOOD = {
    "plain": {"getenv": "True"},
    "ligo": {"accounting_group": "ligo.dev.o4.cbc.pe.test", "request_disk": "2 GB"},
    "ospool": {"should_transfer_files": "YES"},
    "cern": {"+JobFlavour": '"workday"'},
}


def faults(site: str, **commands: str) -> list[str]:
    """Return how otherwise good commands break the rules of a site."""
    given = {name: value for name, value in {**GOOD[site], **commands}.items() if value}
    return [fault for _, fault in broken(catalogue.site(site), given)]


@pytest.mark.parametrize("site", GOOD)
def test_good_commands_break_no_rule(site: str) -> None:
    assert faults(site) == []


def test_every_site_is_tested_and_every_rule_has_an_address() -> None:
    assert set(catalogue.known()) == set(GOOD)
    for name in catalogue.known():
        site = catalogue.site(name)
        for told in (*site.rules, *site.facts):
            assert told.text and ("https://" in told.source or "answer of " in told.source)
        if site.held:
            assert site.held[0] > 0 and site.held[1].startswith("https://")


@pytest.mark.parametrize(
    ("site", "commands", "fault"),
    [
        ("ligo", {"accounting_group": ""}, "accounting_group is missing"),
        ("ligo", {"request_disk": ""}, "request_disk is missing"),
        ("ligo", {"request_disk": "2000"}, "request_disk = 2000 has no unit: write '2000 KB'"),
        ("ligo", {"RequestDisk": "1.5"}, "request_disk = 1.5 has no unit"),
        ("ligo", {"request_memory": "512"}, "write '512 MB' if you mean that"),
        ("ligo", {"getenv": "True"}, "getenv = True: list the variables"),
        ("ligo", {"GetEnv": "true"}, "getenv = true"),
        ("ospool", {"should_transfer_files": "NO"}, "set 'files: transfer'"),
        ("ospool", {"MY.JobDurationCategory": '"Lang"'}, "did you mean 'Long'?"),
        ("cern", {"+JobFlavour": '"worday"'}, "did you mean 'workday'?"),
        ("cern", {"+JobFlavour": ""}, "the job is removed after 20 minutes"),
        ("cern", {"request_disk": "50 GB"}, "request 3 processors"),
        ("cern", {"request_disk": "50GB", "request_cpus": "2"}, "request 3 processors"),
    ],
)
def test_what_breaks_a_rule(site: str, commands: dict[str, str], fault: str) -> None:
    (found,) = faults(site, **commands)
    assert fault in found


@pytest.mark.parametrize(
    ("site", "commands"),
    [
        ("ligo", {"getenv": "HOME, PATH"}),
        ("ligo", {"getenv": "false"}),
        ("ligo", {"request_memory": "2 GB", "request_disk": "1GB"}),
        ("ligo", {"request_disk": "DiskUsage * 2"}),
        ("ospool", {"+JobDurationCategory": '"Long"'}),
        ("cern", {"+JobFlavour": "", "+MaxRuntime": "600"}),
        ("cern", {"request_disk": "40 GB", "request_cpus": "2"}),
        ("cern", {"request_disk": "20 GB"}),
        ("cern", {"request_disk": "ifThenElse(DiskUsage > 1, 2, 3)"}),
    ],
)
def test_what_breaks_none(site: str, commands: dict[str, str]) -> None:
    assert faults(site, **commands) == []


def test_only_lesser_faults_are_reported_without_a_refusal() -> None:
    commands: Mapping[str, str] = {"request_disk": "50 GB"}
    assert [rule.refuses for rule, _ in broken(catalogue.site("cern"), commands)] == [False, False]


def test_a_rule_is_quoted_with_its_site_and_source() -> None:
    rule = catalogue.site("cern").rules[0]
    assert quotation(rule, "CERN batch").startswith('CERN batch: "The flavours are espresso (20')
    assert rule.source in quotation(rule, "CERN batch")


def test_commands_have_one_spelling() -> None:
    same = ({"+Project": "1"}, {"My.Project": "1"}, {"MY.project": "1"})
    assert [normal(each) for each in same] == [{"my.project": "1"}] * 3


def test_a_site_that_is_unknown_is_refused_with_the_nearest() -> None:
    config = ConfigParser()
    config.read_dict({"site": {"name": "legot"}})
    with pytest.raises(AsimovError, match="there is no site 'legot'") as caught:
        catalogue.chosen(config)
    assert caught.value.where == "configuration: site/name"
    assert "cern, ligo, ospool, plain" in str(caught.value.hint)


def test_the_default_site_has_no_rules() -> None:
    assert catalogue.chosen(ConfigParser()).rules == ()
