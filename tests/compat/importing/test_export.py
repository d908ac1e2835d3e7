"""The published layout: a project that is exported and imported again is the same."""

from __future__ import annotations

import pytest
import yaml

from asimov.compat.importing.ledger_files import knows
from asimov.compat.importing.reading import read
from asimov.errors import AsimovError
from asimov.project.workspace import Workspace

BLUEPRINT = """
kind: configuration
quality: {a: 1}
pipelines: {command: {quality: {a: 2}}}
---
kind: subject
name: s
quality: {a: 1, b: 3}
analyses:
- {name: first, pipeline: command, executable: /bin/true, comment: the first}
- {name: second, pipeline: command, executable: /bin/true, needs: [first], labels: [good]}
---
kind: projectanalysis
name: all
pipeline: projecttestpipeline
subjects: [s]
analyses: ["pipeline: command"]
"""


def test_import_of_an_export_gives_the_same_project(
    project, asimov, blueprint, tmp_path, monkeypatch
):
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    assert asimov("review", "add", "s", "first", "approved", "-m", "fine").code == 0
    assert asimov("production", "set", "s", "second", "--status", "wait").code == 0
    file = tmp_path / "ledger.yml"
    assert asimov("ledger", "export", file).code == 0
    assert yaml.safe_load(asimov("ledger", "export").out) == yaml.safe_load(file.read_text())
    published = yaml.safe_load(file.read_text())
    assert published["asimov"]["version"] == "0.8.0"
    ((first,), (second,)) = ({**each}.values() for each in published["events"][0]["productions"])
    assert first["review"][0]["status"] == "APPROVED"
    assert (second["status"], second["needs"]) == ("wait", ["first"])
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    assert asimov("init", "Other", "--scheduler", "local").code == 0
    done = asimov("ledger", "import", file)
    assert done.code == 0, done
    one, two = (Workspace.open(root, reading=True) for root in (project, other))
    assert one.contents.project == two.contents.project
    assert one.contents.subjects == two.contents.subjects
    assert one.contents.entries == two.contents.entries
    assert {key: each.status for key, each in one.records.items()} == {
        key: each.status for key, each in two.records.items()
    }
    assert one.facts == two.facts
    for key in one.contents.entries:
        assert one.settings(key) == two.settings(key)


def test_no_part_of_an_export_passes_for_the_whole(project, asimov, blueprint, tmp_path):
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    whole = asimov("ledger", "export").out.splitlines(keepends=True)
    file = tmp_path / "part.yml"
    cut_short = 0
    for lines in range(len(whole)):
        file.write_text("".join(whole[:lines]))
        if not knows(file):
            continue
        with pytest.raises(AsimovError) as refused:
            read(file)
        cut_short += "is cut short" in str(refused.value)
    assert cut_short > len(whole) / 2
    file.write_text("".join(whole))
    assert read(file).program == "asimov 0.8.0"
