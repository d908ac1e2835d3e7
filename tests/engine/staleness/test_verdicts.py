"""Which analyses are out of date, and why."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from asimov.engine.staleness.verdicts import outdated

SHELL = "pipeline: command, executable: /bin/sh, outputs: {y: y}"
SCRIPT = "arguments: [scripts/run.sh, data/in.txt]"


def verdicts(lab: Any) -> dict[str, list[tuple[str, str]]]:
    workspace = lab.open()
    with closing(workspace.journal):
        found = outdated(workspace, workspace.keys())
    return {key.name: [tuple(each) for each in reasons] for key, reasons in found.items()}


def test_what_has_changed_since_a_run_is_said(lab: Any) -> None:
    (lab.root / "data").mkdir()
    (lab.root / "scripts").mkdir()
    (lab.root / "data" / "in.txt").write_text("in\n")
    (lab.root / "scripts" / "run.sh").write_text('tr a-z A-Z < "$1" > y\n')
    second = f"second, needs: [first], {SHELL}, arguments: [-c, 'cat {{{{ assets.y }}}} > y']"
    templates = lab.root / "templates"
    templates.mkdir(exist_ok=True)
    (templates / "own.yaml").write_text("gain: {{ meta.gain }}\n")
    lab.apply(f"first, gain: 2, template: own.yaml, {SHELL}, {SCRIPT}", second)
    lab.finish()
    assert lab.states() == {"first": "uploaded", "second": "uploaded"}
    assert verdicts(lab) == {}

    (templates / "own.yaml").write_text("# other\ngain: {{ meta.gain }}\n")
    assert verdicts(lab) == {"first": [("code", "the template templates/own.yaml has changed")]}
    assert "the template templates/own.yaml has changed" in lab.run("why", "s/first").out
    (templates / "own.yaml").write_text("gain: {{ meta.gain }}\n")
    assert verdicts(lab) == {}

    lab.apply(f"first, gain: 5, {SHELL}, {SCRIPT}", update=True)
    assert verdicts(lab) == {"first": [("settings", "gain: 2 -> 5")]}
    lab.apply(f"first, gain: 2, comment: as before, {SHELL}, {SCRIPT}", update=True)
    assert verdicts(lab) == {}

    ledger = lab.root / "ledger"
    for file in (ledger / "subjects" / "s.yaml", ledger / "project.yaml"):
        before = file.read_text()
        file.write_text(f"{before}\nneeds: [third]\n")
        assert verdicts(lab) == {}, "it has no effect there"
        file.write_text(f"{before}\nlength: 3\n")
        assert verdicts(lab)["first"] == [("settings", "length: nothing -> 3")]
        file.write_text(before)

    (lab.root / "data" / "in.txt").write_text("other\n")
    assert verdicts(lab) == {"first": [("inputs", "data/in.txt has changed")]}
    (lab.root / "data" / "in.txt").write_text("in\n")
    assert verdicts(lab) == {}

    with (lab.root / "scripts" / "run.sh").open("a") as stream:
        stream.write("true\n")
    assert verdicts(lab) == {"first": [("code", "scripts/run.sh has changed")]}

    (lab.rundir("first") / "y").write_text("remade")
    assert "second" not in verdicts(lab), "it was made from what is stored"
    lab.run("rerun", "s/first", "--yes")
    (lab.root / "data" / "in.txt").write_text("again\n")
    lab.finish()
    assert verdicts(lab)["second"] == [("inputs", "y of s/first has different content")]


def test_another_pipeline_puts_a_result_out_of_date(lab: Any) -> None:
    lab.apply(f"first, {SHELL}, arguments: [-c, 'echo 1 > y']")
    lab.finish()
    other = "first, pipeline: simpletestpipeline"
    lab.apply(other, update=True)
    said = "pipeline: command -> simpletestpipeline"
    assert verdicts(lab)["first"] == [("settings", said)]
    assert said in lab.run("status").out
    assert said in lab.run("rerun", "--outdated", "--dry-run").out


def test_commands_show_what_is_out_of_date_and_what_is_made_from_it(lab: Any) -> None:
    lab.apply(
        f"first, gain: 2, {SHELL}, arguments: [-c, 'echo 1 > y']",
        f"second, needs: [first], {SHELL}, arguments: [-c, 'cat {{{{ assets.y }}}} > y']",
        "third, status: wait, needs: [second]",
    )
    lab.finish()
    assert "out of date" not in lab.run("status").out
    assert "is its result up to date" not in lab.run("why", "s/first").out
    lab.apply(f"first, gain: 5, {SHELL}, arguments: [-c, 'echo 1 > y']", update=True)
    told = lab.run("status").out
    assert "; 1 out of date" in told
    assert "out of date: gain: 2 -> 5" in told
    assert "made from what is out of date: s/first" in told
    rows = lab.rows()
    assert (rows["first"]["outdated"], rows["first"]["in_doubt"]) == (["gain: 2 -> 5"], [])
    assert (rows["second"]["outdated"], rows["second"]["in_doubt"]) == ([], ["s/first"])
    assert (rows["third"]["outdated"], rows["third"]["in_doubt"]) == ([], [])
    why = lab.run("why", "s/first").out
    assert "is its result up to date:\n  settings: gain: 2 -> 5\n" in why
    assert "asimov rerun s/first --dry-run" in why
    assert "its input s/first is out of date" in lab.run("why", "s/second").out
    told = json.loads(lab.run("why", "s/second", "--json").out)
    assert told["outdated"] == ["its input s/first is out of date"]
    told = json.loads(lab.run("production", "show", "s/first", "--json").out)
    assert told["outdated"] == ["gain: 2 -> 5"]
    lab.run("report", "html")
    first, second = (
        (lab.root / "pages" / f"analysis-s!{name}.html").read_text() for name in ("first", "second")
    )
    assert "<h3>Out of date</h3><ul><li>gain: 2 -&gt; 5</li></ul>" in first
    assert "<h3>Inputs out of date</h3><p>s/first</p>" in second
    assert list(verdicts(lab)) == ["first"]
    lab.run("production", "set", "s/first", "--status", "restart")
    assert "out of date" not in lab.run("status").out, "it runs again anyway"


def test_what_counts_can_be_chosen(lab: Any) -> None:
    gain = f"a, {SHELL}, arguments: [-c, 'touch y'], gain: "
    lab.apply(gain + "2")
    lab.finish()
    lab.apply(gain + "5, outdated by: [inputs, code]", update=True)
    assert verdicts(lab) == {}
    lab.apply(gain + "5, outdated by: [settings]", update=True)
    assert verdicts(lab) == {"a": [("settings", "gain: 2 -> 5")]}
    (lab.root / "all.yaml").write_text("kind: configuration\noutdated by: [setings]\n")
    refused = lab.run("apply", "-f", lab.root / "all.yaml", code=1).err
    assert "did you mean 'settings'?" in refused


def test_a_new_version_of_a_pipeline_counts_but_not_one_of_asimov(
    lab: Any, simple: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.register("published", simple)
    version = "1.0"
    monkeypatch.setattr(
        "asimov.engine.provenance.gather.package_of",
        lambda name: f"theirs=={version}" if name == "published" else f"asimov=={version}",
    )
    for module in ("comparison", "fingerprints"):
        monkeypatch.setattr(
            f"asimov.engine.staleness.{module}.package_of",
            lambda name: f"theirs=={version}" if name == "published" else f"asimov=={version}",
        )
    lab.apply("a, pipeline: published", "b")
    lab.finish()
    assert verdicts(lab) == {}
    version = "1.1"
    assert verdicts(lab) == {"a": [("version", "theirs==1.0 -> theirs==1.1")]}


def test_products_that_are_only_stored_are_compared_too(lab: Any) -> None:
    copy = "arguments: [-c, 'cat {{ assets.y }} > y']"
    lab.apply(
        f"first, {SHELL}, arguments: [-c, 'echo 1 > y']", f"second, needs: [first], {SHELL}, {copy}"
    )
    lab.finish()
    for path in lab.rundir("first").iterdir():
        path.unlink()
    lab.rundir("first").rmdir()
    assert verdicts(lab) == {}
    manifest = lab.root / "results" / "s" / "first" / "manifest.json"
    stored = json.loads(manifest.read_text())
    stored["y"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(stored))
    with closing(lab.open().journal) as journal:
        journal.write("DELETE FROM fingerprints")
    assert verdicts(lab) == {"second": [("inputs", "y of s/first has different content")]}


def test_more_or_fewer_products_of_an_input_are_named(lab: Any) -> None:
    (lab.root / "data").mkdir()
    (lab.root / "data" / "1").touch()
    (lab.root / "svc.py").write_text(
        """
import shutil
from asimov.functions import app, DataObject

@app.register("Same")
def same(data_objects, working_dir):
    for each in data_objects:
        shutil.copy(each.path, ".")
    return [DataObject(path=each.path.rpartition("/")[2]) for each in data_objects]
"""
    )
    lab.apply(
        "first, pipeline: function, function: 'svc:same', inputs: 'data/*'",
        f"second, needs: [first], {SHELL}, arguments: [-c, 'touch y']",
    )
    lab.finish()
    assert verdicts(lab) == {}
    (lab.root / "data" / "2").touch()
    lab.run("rerun", "s/first", "--yes")
    lab.finish()
    said = ("inputs", "work/2 of s/first is a new product")
    assert said in verdicts(lab)["second"]
    assert "work/2 of s/first is a new product" in lab.run("why", "s/second").out

    lab.run("rerun", "s/second", "--yes")
    lab.finish()
    assert verdicts(lab) == {}
    for name in ("1", "3", "4", "5", "6"):
        path = lab.root / "data" / name
        path.unlink() if name == "1" else path.touch()
    lab.run("rerun", "--outdated", "--yes")
    lab.run("rerun", "--withdraw", "s/second")
    lab.finish()
    assert [each for _, each in verdicts(lab)["second"] if "product" in each] == [
        "work/3 of s/first is a new product",
        "work/4 of s/first is a new product",
        "work/5 of s/first is a new product",
        "1 more file of s/first is a new product",
        "work/1 of s/first is no product any more",
    ]
