"""Blueprints as they are written for the published asimov."""

from __future__ import annotations

import json

import pytest

from asimov.ledger import schema
from asimov.project.workspace import Workspace
from asimov.states import ALIASES, STATES
from tests.refusals import refused

RUN = "pipeline: command, executable: sleep, arguments: ['0'], outputs: {out: job.out}"


@pytest.fixture
def apply(project, asimov, blueprint):
    """Apply a text, which must go well; returns what was printed."""

    def run(text, *options):
        ran = asimov("apply", "-f", blueprint(text), *options)
        assert ran.code == 0, ran
        return ran.out + ran.err

    return run


@pytest.fixture
def rows(asimov):
    def run():
        told = json.loads(asimov("status", "--json").out)
        return {f"{row['subject']}/{row['name']}": row for row in told}

    return run


def settings(project, subject, name):
    workspace = Workspace.open(project)
    return workspace.settings((subject, name))


# --- kinds


def test_a_file_holds_many_documents_of_every_kind(apply, rows, project):
    apply(
        f"""
kind: event
name: GW1
---
kind: subject
name: GW2
---
kind: analysis
event: GW1
name: one
pipeline: command
---
kind: projectanalysis
name: all
subjects: [GW1, GW2]
pipeline: command
---
kind: analysisbundle
name: two
subject: GW2
analyses:
- {{name: two, {RUN}}}
---
kind: configuration
quality: {{sample rate: 4096}}
---
kind: postprocessing
name: pages
stages: [a]
"""
    )
    assert set(rows()) == {"GW1/one", "GW2/two", "project-analyses/all"}
    meta = settings(project, "GW2", "two")
    assert meta["quality"] == {"sample rate": 4096}
    assert meta["postprocessing"] == {"pages": {"stages": ["a"]}}


def test_a_kind_is_found_in_whatever_case_it_is_written(apply, rows):
    apply(
        "{kind: Event, name: GW1}\n---\n{kind: ProjectAnalysis, name: p, pipeline: command}\n"
        "---\n{kind: AnalysisBundle, event: GW1, analyses: [{name: a, pipeline: command}]}\n"
        "---\n{kind: postProcessing, name: x}\n"
    )
    assert set(rows()) == {"GW1/a", "project-analyses/p"}


def test_a_misspelt_kind_is_told_with_the_nearest(project, asimov, blueprint):
    path = blueprint("{kind: analysebundle, analyses: []}\n")
    refused(asimov, project, ["apply", "-f", path], "did you mean 'analysisbundle'?")


def test_an_event_holds_productions_in_both_forms(apply, rows):
    apply(
        "kind: event\nname: GW1\nproductions:\n"
        f"- first: {{{RUN}}}\n- {{name: second, {RUN}, needs: [first]}}\n"
    )
    assert rows()["GW1/second"]["waiting_for"] == ["first is ready"]


def test_postprocessing_is_of_the_project_or_of_a_subject(apply, project):
    events = "{kind: event, name: A, analyses: [{name: a, pipeline: command}]}\n---\n"
    events += "{kind: event, name: B, analyses: [{name: b, pipeline: command}]}\n"
    apply(events)
    apply("{kind: postprocessing, name: every, x: 1}\n")
    apply("{kind: postprocessing, event: A, name: own, x: 2}\n")
    apply("{kind: postprocessing, name: named, x: 3}\n", "-e", "B")
    apply("{kind: postprocessing, postprocessing: {pesummary: {accounting group: g}}}\n")
    every = {"every": {"x": 1}, "pesummary": {"accounting group": "g"}}
    assert settings(project, "A", "a")["postprocessing"] == {**every, "own": {"x": 2}}
    assert settings(project, "B", "b")["postprocessing"] == {**every, "named": {"x": 3}}


# --- analyses


@pytest.mark.parametrize("left_out", ["name", "pipeline"])
def test_an_analysis_needs_a_name_and_a_pipeline(project, asimov, blueprint, left_out):
    data = {"kind": "analysis", "event": "GW1", "name": "a", "pipeline": "command"}
    del data[left_out]
    path = blueprint("{kind: event, name: GW1}\n---\n" + json.dumps(data))
    refused(asimov, project, ["apply", "-f", path], f"'{left_out}' is missing")


@pytest.mark.parametrize("word", ["event", "subject"])
def test_an_analysis_names_its_subject_by_either_word_or_the_command_does(apply, rows, word):
    apply("{kind: event, name: GW1}\n---\n{kind: event, name: GW2}\n")
    apply(f"{{kind: analysis, {word}: GW1, name: a, pipeline: command}}\n")
    apply("{kind: analysis, name: b, pipeline: command}\n", "-e", "GW2")
    assert set(rows()) == {"GW1/a", "GW2/b"}


def test_an_analysis_has_any_of_the_optional_keys_and_any_settings(apply, rows, project):
    apply(
        """
kind: event
name: GW1
---
kind: analysis
event: GW1
name: a
pipeline: command
status: wait
comment: the first
template: own.ini
executable: /bin/true
labels: {interesting: 3}
refreshable: true
waveform: {approximant: X}
---
kind: analysis
event: GW1
name: b
pipeline: command
needs: [a]
labels: [approved]
---
kind: analysis
event: GW1
name: over
pipeline: command
analyses: [{pipeline: command}]
refreshable: false
"""
    )
    found = rows()
    assert found["GW1/a"]["status"] == "wait"
    assert found["GW1/a"]["comment"] == "the first"
    assert found["GW1/over"]["waiting_for"] == ["a is wait", "b is ready"]
    meta = settings(project, "GW1", "a")
    assert meta["refreshable"] is True
    assert meta["labels"] == {"interesting": 3}
    assert meta["waveform"] == {"approximant": "X"}
    assert settings(project, "GW1", "b")["labels"] == ["approved"]


@pytest.mark.parametrize(
    "state",
    [
        *("ready", "wait", "running", "processing", "finished", "complete", "uploaded", "stuck"),
        *("stop", "stopped", "restart", "cancelled", "manual", "review"),
    ],
)
def test_every_state_of_published_ledgers_is_known(apply, asimov, rows, blueprint, state):
    """One that is about a job is refused where there is none, rather than taken for another."""
    apply("{kind: event, name: GW1}\n")
    text = f"{{kind: analysis, event: GW1, name: a, status: {state}, pipeline: command}}\n"
    ran = asimov("apply", "-f", blueprint(text))
    if state in {"running", "processing", "stop", "restart"}:
        assert ran.code == 1
        assert f"an analysis can't begin as '{state}'" in ran.err
    else:
        assert rows()["GW1/a"]["status"] == ALIASES.get(state, state)
    assert ALIASES.get(state, state) in STATES


# --- needs

NEEDS = """
kind: event
name: GW1
---
{kind: analysis, event: GW1, name: Prod0, pipeline: command, status: uploaded,
 waveform: {approximant: IMRPhenomXPHM}, labels: {snr: 9.5, interesting: true, dull: false},
 review: [{message: fine, status: APPROVED, timestamp: "2024-01-01 00:00:00"}]}
---
{kind: analysis, event: GW1, name: Prod1, pipeline: simpletestpipeline, status: wait,
 waveform: {approximant: SEOBNRv5}, labels: {snr: 3}}
---
{kind: analysis, event: GW1, name: x, pipeline: command, review: {status: none}, needs: NEEDS}
"""


def selected(project):
    workspace = Workspace.open(project)
    return " ".join(name for _, name in workspace.dependencies.of(("GW1", "x")).keys)


@pytest.mark.parametrize(
    ("needs", "names"),
    [
        # the items are alternatives, and a nested list means all
        ("[Prod0, Prod1]", "Prod0 Prod1"),
        ("['pipeline: command', 'pipeline: simpletestpipeline']", "Prod0 Prod1"),
        ("[['pipeline: command', 'status: uploaded']]", "Prod0"),
        ("[['pipeline: command', 'status: uploaded'], Prod1]", "Prod0 Prod1"),
        # names, and attributes as a string or as a mapping
        ("[Prod0]", "Prod0"),
        ("['name: Prod0']", "Prod0"),
        ("[name: Prod0]", "Prod0"),
        ("['pipeline: Command']", "Prod0"),
        ("[pipeline: COMMAND]", "Prod0"),
        ("['status: uploaded']", "Prod0"),
        ("[status: Uploaded]", "Prod0"),
        ("['waveform.approximant: imrphenomxphm']", "Prod0"),
        ("[waveform.approximant: IMRPhenomXPHM]", "Prod0"),
        # reviews, as published ledgers hold them
        ("['review: approved']", "Prod0"),
        ("[review: approved]", "Prod0"),
        ("['review.status: Approved']", "Prod0"),
        ("[review.status: approved]", "Prod0"),
        # labels
        ("['label: snr >= 8']", "Prod0"),
        ("[label: snr >= 8]", "Prod0"),
        ("['label: snr>=8']", "Prod0"),
        ("[label: snr < 8]", "Prod1"),
        ("['label: snr <= 9.5']", "Prod0 Prod1"),
        ("['label: snr > 3']", "Prod0"),
        ("['label: snr == 3']", "Prod1"),
        ("['label: snr != 3']", "Prod0"),
        ("['label: interesting']", "Prod0"),
        ("[label: interesting >= 1]", "Prod0"),
        ("['label: snr']", "Prod0 Prod1"),
        # a '!' in front negates
        ("[pipeline: '!command']", "Prod1"),
        ("['status: !uploaded']", "Prod1"),
        ("['review.status: !approved']", "Prod1"),
        ("['label: !interesting']", "Prod1"),
        ("['label: !snr >= 8']", "Prod1"),
        ("[['waveform.approximant: !SEOBNRv5', 'pipeline: command']]", "Prod0"),
        # optional
        ("[{optional: true, pipeline: command}]", "Prod0"),
        ("[{name: Prod1, optional: true}]", "Prod1"),
        ("[{optional: true, pipeline: bilby}]", ""),
    ],
)
def test_needs(apply, rows, project, needs, names):
    apply(NEEDS.replace("NEEDS", needs))
    assert selected(project) == names
    waits = rows()["GW1/x"]["waiting_for"]
    assert waits == (["Prod1 is wait"] if "Prod1" in names else [])


def test_a_label_that_is_false_is_not_there(apply, rows):
    apply(NEEDS.replace("NEEDS", "['label: dull']"))
    assert rows()["GW1/x"]["waiting_for"] == ["nothing matches 'label: dull'"]


def test_what_is_needed_and_not_optional_is_waited_for(apply, rows):
    apply(NEEDS.replace("NEEDS", "[Prod0, {pipeline: bilby}]"))
    assert rows()["GW1/x"]["waiting_for"] == ["nothing matches 'pipeline: bilby'"]


def test_an_analysis_waits_for_the_review_that_it_needs(apply, rows, asimov):
    apply(NEEDS.replace("NEEDS", "[['Prod0', 'review.status: preferred']]"))
    assert rows()["GW1/x"]["waiting_for"] == [
        "nothing matches 'Prod0 and review.status: preferred'"
    ]
    assert asimov("review", "add", "GW1", "Prod0", "PREFERRED").code == 0
    assert rows()["GW1/x"]["waiting_for"] == []


# --- strategies


def test_a_strategy_makes_the_product_and_the_name_is_filled_in(apply, rows, project):
    apply(
        """
kind: event
name: GW1
---
kind: analysis
event: GW1
name: run-{waveform.approximant}-{sampler.seed}-{waveform.lines}
pipeline: command
waveform: {reference frequency: 20}
strategy:
  waveform.approximant: [XPHM, SEOB]
  sampler.seed: [1, 2]
  waveform.lines: [true]
"""
    )
    assert set(rows()) == {
        f"GW1/run-{model}-{seed}-true" for model in ("XPHM", "SEOB") for seed in (1, 2)
    }
    meta = settings(project, "GW1", "run-SEOB-2-true")
    assert meta["waveform"] == {"reference frequency": 20, "approximant": "SEOB", "lines": True}
    assert meta["sampler"] == {"seed": 2}
    assert "strategy" not in meta


# --- bundles

BUNDLE = """
kind: analysisbundle
name: standard
comment: what every event has
analyses:
- psd
- {name: inline, pipeline: command, needs: [psd]}
- {name: "grid-{x}", pipeline: command, strategy: {x: [1, 2]}}
"""
PSD = "kind: analysis\nname: psd\npipeline: command\nevent: another\n"


def make(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_bundle_is_applied_to_the_subject_of_the_command(apply, rows, project):
    make(project / "analyses" / "psd.yaml", PSD)
    apply("{kind: event, name: GW1}\n---\n{kind: event, name: another}\n")
    apply(BUNDLE, "-e", "GW1")
    assert set(rows()) == {"GW1/psd", "GW1/inline", "GW1/grid-1", "GW1/grid-2"}
    assert "Nothing changed" in apply(BUNDLE, "-e", "GW1")


@pytest.mark.parametrize("where", ["here", "analyses", "data", "home", "beside"])
def test_where_the_files_of_a_bundle_are_looked_for(
    project, asimov, apply, rows, tmp_path, monkeypatch, where
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASIMOV_DATA_PATH", str(tmp_path / "data"))
    folders = {
        "here": project,
        "analyses": project / "analyses",
        "data": tmp_path / "data" / "analyses",
        "home": tmp_path / "home" / ".asimov" / "gwdata" / "asimov-data" / "analyses",
        "beside": tmp_path / "blueprints" / "analyses",
    }
    make(folders[where] / "psd.yaml", PSD + "---\n" + PSD.replace("psd", "second"))
    bundle = tmp_path / "blueprints" / "bundle.yaml"
    make(bundle, "{kind: analysisbundle, subject: GW1, analyses: [psd]}\n")
    apply("{kind: event, name: GW1}\n")
    ran = asimov("apply", "-f", bundle)
    assert ran.code == 0, ran
    assert set(rows()) == {"GW1/psd", "GW1/second"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{kind: analysisbundle, name: b, analyses: [psd]}", "the bundle names no subject"),
        ("{kind: analysisbundle, subject: GW, analyses: [psd]}", "did you mean 'GW1'?"),
        ("{kind: analysisbundle, subject: GW1, analyses: [pds]}", "did you mean 'psd'?"),
        ("{kind: analysisbundle, subject: GW1, analyses: [../secret]}", "no file ../secret.yaml"),
        ("{kind: analysisbundle, subject: GW1, analyses: [subject]}", "may contain only analyses"),
        ("{kind: analysisbundle, subject: GW1, analyses: [empty]}", "contains no analysis"),
        ("{kind: analysisbundle, subject: GW1}", "'analyses' is missing"),
        ("{kind: analysisbundle, subject: GW1, analyses: [3]}", "should be text or a mapping"),
        ("{kind: analysisbundle, subject: GW1, analyses: [{name: a}]}", "'pipeline' is missing"),
        (
            "{kind: analysisbundle, subject: GW1, analyses: [{name: a, pipeline: comand}]}",
            "did you mean 'command'?",
        ),
        (
            "{kind: analysisbundle, subject: GW1, event: GW2, analyses: [psd]}",
            "'event' and 'subject' mean the same, but have different values",
        ),
        (
            "kind: analysisbundle\nsubject: GW1\nanalyses:\n- {name: a, pipeline: command}\n"
            "- {name: a/b, pipeline: command}\n",
            "blueprint.yaml:5:4: 'a/b' can't be a name",
        ),
    ],
)
def test_a_mistake_in_a_bundle_is_told_with_its_place(
    project, asimov, apply, blueprint, tmp_path, text, said
):
    make(project / "analyses" / "psd.yaml", PSD)
    make(project / "analyses" / "subject.yaml", "{kind: subject, name: x}")
    make(project / "analyses" / "empty.yaml", "# nothing\n")
    make(project / "secret.yaml", PSD)
    apply("{kind: event, name: GW1}\n")
    where = tmp_path / "elsewhere"
    make(where / "psd.yaml", PSD)
    refused(asimov, project, ["apply", "-f", blueprint(text)], said)


def test_a_file_out_of_the_folders_is_not_reached(project, asimov, apply, tmp_path):
    apply("{kind: event, name: GW1}\n")
    make(tmp_path / "secret.yaml", PSD)
    make(project / "b.yaml", "{kind: analysisbundle, subject: GW1, analyses: [../secret]}")
    ran = asimov("apply", "-f", project / "b.yaml")
    assert ran.code == 1
    assert "there is no file ../secret.yaml" in ran.err


def test_the_json_schema_knows_every_kind(asimov, project):
    told = json.loads(asimov("ledger", "schema").out)
    kinds = {
        value
        for shape in told["$defs"].values()
        for value in shape.get("properties", {}).get("kind", {}).get("enum", [])
    }
    assert kinds == set(schema.KINDS)
    assert told["$defs"]["AnalysisBundle"]["required"] == ["kind", "analyses"]
