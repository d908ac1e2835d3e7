"""``asimov event``."""

from __future__ import annotations

import json

import yaml

from tests.refusals import refused


def apply(asimov, blueprint):
    text = "kind: configuration\nx: 1\n---\nkind: subject\nname: s\ny: 2020-01-01\nproductions:\n"
    text += "- {name: a, pipeline: command, status: wait}\n---\nkind: subject\nname: t\n"
    assert asimov("apply", "-f", blueprint(text)).code == 0


def test_show_tells_settings_and_analyses(project, asimov, blueprint):
    apply(asimov, blueprint)
    expected = {"name": "s", "analyses": {"a": "wait"}, "settings": {"x": 1, "y": "2020-01-01"}}
    assert json.loads(asimov("event", "show", "s", "--json").out) == expected
    shown = yaml.safe_load(asimov("event", "show", "s").out)
    assert shown["analyses"] == {"a": "wait"}


def test_without_a_name_the_subjects_are_listed(project, asimov, blueprint):
    assert json.loads(asimov("event", "show", "--json").out) == []
    apply(asimov, blueprint)
    assert asimov("event", "show").out == "s\nt\n"


def test_a_typo(project, asimov, blueprint):
    apply(asimov, blueprint)
    refused(asimov, project, ["event", "show", "ss"], "there is no subject 'ss'; did you mean 's'?")
    refused(asimov, project, ["event", "show", "../s"], "there is no subject '../s'")
