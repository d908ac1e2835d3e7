"""Effective settings: which layer comes over which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asimov.ledger.contents import Contents, Entry
from asimov.settings.merging import merge

LAYERS = ("project", "pipeline", "subject", "facts on the subject", "analysis", "facts")


def contents(settings, pipeline="command", subject="s"):
    analysis = {"name": "a", "pipeline": pipeline, **settings.get("analysis", {})}
    key = (subject, "a")
    made = Contents(
        project={
            **settings.get("project", {}),
            "pipelines": {"command": settings.get("pipeline", {}), "other": {"x": "no"}},
        },
        subjects={"s": {"name": "s", "analyses": [analysis], **settings.get("subject", {})}},
        entries={key: Entry(key, analysis, "subjects/s.yaml")},
    )
    facts = {
        ("s", ""): settings.get("facts on the subject", {}),
        key: settings.get("facts", {}),
        ("s", "b"): {"x": "no"},
    }
    return made, made.entries[key], facts


def test_the_most_specific_wins():
    for top in range(1, len(LAYERS) + 1):
        made, entry, facts = contents({name: {"x": name, name: 1} for name in LAYERS[:top]})
        settings = made.settings(entry, facts)
        assert settings["x"] == LAYERS[top - 1]
        assert set(settings) == {"x", *LAYERS[:top]}


layer = st.dictionaries(
    st.sampled_from("xyz"),
    st.integers(0, 3) | st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3)),
)


@given(st.fixed_dictionaries(dict.fromkeys(LAYERS, layer)))
def test_settings_are_the_layers_merged_in_this_order(settings):
    made, entry, facts = contents(settings)
    assert made.settings(entry, facts) == merge(settings[name] for name in LAYERS)
    assert made.subject_settings("s", facts) == merge(
        settings[name] for name in ("project", "subject", "facts on the subject")
    )


def test_a_changed_default_reaches_every_analysis():
    made, entry, facts = contents({"project": {"x": 1}})
    made.project["x"] = 2
    assert made.settings(entry, facts)["x"] == 2


def test_what_says_what_an_analysis_is_is_no_setting():
    made, entry, facts = contents({"project": {"hooks": {}}, "subject": {"repository": "r"}})
    assert made.settings(entry, facts) == {}


def test_settings_belong_to_whoever_asks():
    made, entry, facts = contents({"project": {"x": [1]}, "facts": {"y": {"z": [1]}}})
    settings = made.settings(entry, facts)
    settings["x"].append(2)
    settings["y"]["z"].append(2)
    assert made.settings(entry, facts) == {"x": [1], "y": {"z": [1]}}


def test_a_pipelines_defaults_hold_in_whatever_case_it_is_written():
    made, entry, facts = contents({"pipeline": {"x": 1}}, pipeline="Command")
    assert made.settings(entry, facts) == {"x": 1}


def test_an_analysis_across_subjects_has_no_subject_in_between():
    made, entry, facts = contents(
        {"project": {"x": 1}, "subject": {"x": 2}, "analysis": {"y": 3}}, subject="project-analyses"
    )
    assert entry.kind == "project"
    assert made.settings(entry, facts) == {"x": 1, "y": 3}
