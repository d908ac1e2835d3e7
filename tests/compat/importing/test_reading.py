"""What is made of projects that the real program wrote, with both of its ledgers."""

from __future__ import annotations

import copy
import random
import sqlite3
from contextlib import closing

import pytest
import yaml

from asimov.compat.importing import PUBLISHED, documents, states
from asimov.engine.importing.comparison import compare, contents_of
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from tests.searching import LONGER

ENGINES = ("yamlfile", "sqlite")
#: What people and programs may have put where something else belongs.
ODD = [None, 7, True, float("nan"), "text", [], [7], [{}], [{"name": "x"}], {}, {"a": 1}, {1: 2}]


@pytest.fixture(params=ENGINES)
def read(request, old):
    return PUBLISHED.read(old(request.param))


def remarks(incoming, kind):
    return {each.what: each.detail for each in incoming.remarks if each.kind == kind}


def places(value, at=()):
    """Yield the place of everything in plain data, as keys and indexes."""
    yield at
    if isinstance(value, (dict, list)):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*at, key))


def put(value, place, other):
    """Return a copy of plain data with something else in a place."""
    if not place:
        return other
    changed = copy.deepcopy(value)
    around = changed
    for key in place[:-1]:
        around = around[key]
    around[place[-1]] = other
    return changed


def test_every_kind_of_analysis_arrives_in_the_state_that_means_the_same(read):
    assert {str(key): each.status for key, each in read.arrivals.items()} == {
        "GW1/done": "uploaded",
        "GW1/going": "running",
        "GW1/later": "wait",
        "GW1/again": "wait",
        "GW1/combined": "wait",
        "GW2/unready": "wait",
        "project-analyses/everything": "wait",
    }
    assert "never acted on" in remarks(read, "check")["GW1/again"]
    assert remarks(read, "renamed") == {
        "GW1/done": "its state 'complete' is 'uploaded' here",
        "GW2/unready": "its state 'unready' is 'wait' here",
    }


def test_documents_hold_what_people_chose_and_nothing_else(read):
    assert read.subjects["GW1"] == {
        "name": "GW1",
        "event time": 1126259462.4,
        "interferometers": ["H1", "L1"],
        "quality": {"minimum frequency": {"H1": 30}},
        "analyses": [
            {
                "name": "done",
                "pipeline": "simpletestpipeline",
                "waveform": {"approximant": "IMRPhenomXPHM"},
            },
            {"name": "going", "pipeline": "simpletestpipeline", "sampler": {"nlive": 7}},
            {
                "name": "later",
                "pipeline": "simpletestpipeline",
                "needs": ["done", "sampler.nlive: 7"],
                "needs settings": {"minimum": 1},
            },
            {"name": "again", "pipeline": "simpletestpipeline"},
            {
                "name": "combined",
                "pipeline": "subjecttestpipeline",
                "analyses": ["pipeline: simpletestpipeline"],
            },
        ],
    }
    assert read.project_analyses == {
        "everything": {
            "name": "everything",
            "pipeline": "projecttestpipeline",
            "subjects": ["GW1", "GW2"],
            "analyses": ["pipeline: simpletestpipeline"],
        }
    }
    assert read.project == {
        "data": {"channels": {"H1": "H1:STRAIN"}},
        "quality": {"minimum frequency": {"H1": 20, "L1": 20}},
        "sampler": {"dlogz": 0.1},
        "pipelines": {
            "simpletestpipeline": {
                "sampler": {"nlive": 100},
                "quality": {"minimum frequency": {"H1": 15}, "state vector": "strict"},
            }
        },
    }


def test_what_the_program_wrote_is_a_fact_and_derived_values_are_marked(read):
    done = read.arrivals[Key("GW1", "done")]
    assert done.facts["profiling"]["runtime"] > 0
    assert done.facts["rundir"] == str(done.rundir)
    assert done.rundir.parts[-4:] == ("old", "working", "GW1", "done")
    review = done.facts["review"]
    (message,) = review["messages"]
    assert (review["status"], message["message"]) == ("approved", "looks good")
    assert message["timestamp"][:2] == "20"
    assert not message["timestamp"].endswith("Z")  # nobody knows the zone
    derived = [each.detail for each in read.remarks if each.kind == "derived"]
    said = "likelihood: minimum frequency: H1 = 30: asimov 0.8"
    assert any(each.startswith(said) for each in derived)
    assert all(each.endswith(" had derived it") for each in derived)
    # It was built in neither project: a new run directory is made here.
    assert read.arrivals[Key("GW2", "unready")].rundir is None


def test_settings_that_change_are_listed_with_both_values(read):
    found = {
        (str(each.key), each.setting): (each.there, each.here)
        for each in compare(read, contents_of(read))
    }
    # There the project's default beats the pipeline's; here it is the other way round.
    assert found["GW2/unready", "quality: minimum frequency: H1"] == (20, 15)
    # There only a few of the project's keys apply to analyses, and to project analyses none.
    assert found["GW1/done", "sampler: dlogz"] == ("(not set)", 0.1)
    everything = f"{PROJECT_ANALYSES}/everything"
    assert found[everything, "data: channels: H1"] == ("(not set)", "H1:STRAIN")
    assert ("GW1/done", "quality: minimum frequency: H1") not in found
    assert ("GW1/going", "sampler: nlive") not in found


def test_what_is_not_understood_is_listed(read):
    said = remarks(read, "not understood")
    assert {"[theme]", "[condor] cron_minute", "GW1/later: needs settings"} <= said.keys()
    assert ("trash" in said) == (read.program == "asimov 0.8.0")  # SQLite deletes at once
    assert ("condor", "cron_minute") not in read.options
    assert ("pipelines", "environment") in read.options
    assert "GW2: quality: minimum frequency: H1" in {
        f"{each.what}: {each.detail.partition(' is the')[0]}"
        for each in read.remarks
        if each.kind == "frozen"
    }


def test_other_odd_keys_of_a_ledger_and_a_configuration_are_listed(old):
    root = old("yamlfile")
    ledger = root / ".asimov" / "ledger.yml"
    ledger.write_text(ledger.read_text() + "cronjob: 17\nhistory: {a: 1}\n")
    config = root / ".asimov" / "asimov.conf"
    text = config.read_text().replace("[mattermost]", "[mattermost]\nurl = x")
    config.write_text(text + "[slurm]\npartition = x\n[api]\nport = 1\n")
    said = remarks(PUBLISHED.read(root), "not understood")
    assert "asimov stop" in said["cronjob"]
    assert {"history", "[slurm]", "[theme]", "trash"} <= said.keys()
    assert "asimov serve" in said["[api]"]
    assert "[notify NAME]" in said["[mattermost]"]


def test_a_configuration_that_can_not_be_read_is_refused_with_its_line(old):
    root = old("yamlfile")
    config = root / ".asimov" / "asimov.conf"
    lines = config.read_text().count("\n") + 1
    config.write_text(config.read_text() + "[theme]\n")
    with pytest.raises(AsimovError, match=rf"asimov.conf:{lines}: .* contains a section twice"):
        PUBLISHED.read(root)


@pytest.mark.parametrize("file", [".asimov/ledger.yml", "results/.manifest/manifest.yaml"])
def test_any_value_in_any_place_is_read_or_refused(old, file):
    root = old("yamlfile")
    path = root / file
    whole = yaml.safe_load(path.read_text())
    seed = random.randrange(1000)
    print("seed", seed)
    cases = [(place, value) for place in places(whole) for value in ODD]
    few = [each for each in cases if each[1] in (7, {1: 2}) and len(each[0]) <= 2]
    random.Random(seed).shuffle(cases)
    for place, value in cases if LONGER > 1 else few + cases[:40]:
        path.write_text(yaml.dump(put(whole, place, value)))
        try:
            PUBLISHED.read(root)
        except AsimovError as error:
            assert "\n" not in str(error), (place, value)
        except Exception as error:
            raise AssertionError((place, value)) from error


def test_odd_rows_of_a_database_are_refused(old):
    root = old("sqlite")
    with closing(sqlite3.connect(root / ".asimov/ledger.db")) as database:
        for table, column in (("events", "meta"), ("ledger_config", "data")):
            (before,) = database.execute(f"SELECT {column} FROM {table}").fetchone()
            for value in ("[7]", "7", '"text"'):
                database.execute(f"UPDATE {table} SET {column} = ?", (value,))
                database.commit()
                with pytest.raises(AsimovError, match="is not a ledger of asimov"):
                    PUBLISHED.read(root)
            database.execute(f"UPDATE {table} SET {column} = ?", (before,))


def test_the_two_ledgers_hold_the_same_project(old):
    yaml, sqlite = (PUBLISHED.read(old(engine)) for engine in ENGINES)
    assert yaml.subjects == sqlite.subjects
    assert (yaml.project, yaml.project_analyses) == (sqlite.project, sqlite.project_analyses)


def test_ids_of_its_local_scheduler_belong_to_nobody(old):
    root = old("yamlfile")
    config = root / ".asimov" / "asimov.conf"
    config.write_text(config.read_text().replace("type = htcondor", "type = local"))
    going = PUBLISHED.read(root).arrivals[Key("GW1", "going")]
    assert going.job is None
    assert "not of HTCondor" in going.reason


def test_the_number_beside_the_scheduler_counts_only_without_the_one_in_it():
    assert documents.job({"job id": 5, "scheduler": {"job id": None}}) is None
    assert documents.job({"job id": 5, "scheduler": {"job id": 6}}) == 6
    assert documents.job({"job id": "5", "scheduler": {}}) == 5
    assert documents.job({"job id": "five"}) is None


@pytest.mark.parametrize(
    ("there", "stored", "here"),
    [
        *((name, False, name) for name in sorted(states.SAME | states.WITH_JOB)),
        ("Complete", True, "uploaded"),
        ("complete", False, "finished"),
        ("unready", False, "wait"),
        ("restart", False, "wait"),
        ("none", False, "wait"),
    ],
)
def test_states(there, stored, here):
    became = states.mapped(there, stored=stored, program="asimov 0.8.0")
    assert became.status == here
    assert (became.remark is not None) == (there in {"restart", "none"})


def test_another_engine_is_refused_with_the_command_that_converts_it(old):
    root = old("yamlfile")
    config = root / ".asimov" / "asimov.conf"
    config.write_text(config.read_text().replace("engine = yamlfile", "engine = tinydb"))
    with pytest.raises(AsimovError, match="tinydb") as refused:
        PUBLISHED.read(root)
    assert "migrate-ledger" in refused.value.hint


@pytest.mark.parametrize("text", ["events: 5", "events: [{name: a}", "events: [{}]"])
def test_a_ledger_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "ledger.yml"
    path.write_text(text + "\n")
    with pytest.raises(AsimovError, match="ledger"):
        PUBLISHED.read(path)


def test_all_names_that_can_not_be_names_here_are_said_at_once(old):
    """The published program takes any text for a name."""
    root = old("yamlfile")
    ledger = root / ".asimov" / "ledger.yml"
    text = ledger.read_text()
    for before, after in (
        ("  name: GW2\n", "  name: sea side\n"),
        ("- going:\n", "- flood two:\n"),
        ("  name: everything\n", "  name: -all\n"),
    ):
        assert before in text
        text = text.replace(before, after)
    ledger.write_text(text)
    with pytest.raises(AsimovError) as refused:
        PUBLISHED.read(root)
    assert str(refused.value.where) == str(ledger)
    assert refused.value.message == (
        "asimov does not allow 3 names in this project: the subject 'sea side', "
        "the analysis of 'GW1' 'flood two', the project analysis '-all'"
    )
    assert "rename them in the copy" in refused.value.hint
