"""Files that newly match a pattern among the inputs put a result out of date, and gone ones too."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.provenance import patterns
from asimov.engine.staleness import comparison
from asimov.engine.staleness.verdicts import outdated

COUNT = """
from asimov.functions import app, DataObject

@app.register("Count")
def count(data_objects, working_dir):
    with open("many.txt", "w") as file:
        file.write(" ".join(sorted(each.path.rpartition("/")[2] for each in data_objects)))
    return [DataObject(path="many.txt")]
"""


@pytest.fixture
def data(lab: Any) -> Path:
    """A folder of data, settled long ago, in a project with a function."""
    (lab.root / "svc.py").write_text(COUNT)
    place: Path = lab.root / "data"
    place.mkdir()
    add(place / "a.txt")
    return place


def add(path: Path) -> None:
    path.write_text(f"{path.name}\n")
    settle(path, path.parent)


def settle(*paths: Path) -> None:
    for path in paths:
        last = path.stat().st_mtime_ns
        os.utime(path, ns=(last - 10**10, last - 10**10))


def function(name: str, inputs: str) -> str:
    return f"{name}, pipeline: function, function: 'svc:count', inputs: {inputs}"


def verdicts(lab: Any) -> dict[str, list[tuple[str, str]]]:
    workspace = lab.open()
    with closing(workspace.journal):
        found = outdated(workspace, workspace.keys())
    return {key.name: [tuple(each) for each in reasons] for key, reasons in found.items()}


def test_commands_name_a_file_that_newly_matches(lab: Any, data: Path) -> None:
    lab.apply(function("f", '"data/*.txt"'), function("g", "data/a.txt"))
    lab.finish()
    assert lab.states() == {"f": "uploaded", "g": "uploaded"}
    assert verdicts(lab) == {}
    assert "no difference in settings and matching files" in lab.run("diff", "s/f").out
    assert "no difference in settings\n" in lab.run("diff", "s/g").out

    (data / "b.txt").write_text("b\n")
    (data / "b.csv").write_text("b\n")
    said = "data/b.txt matches data/*.txt now"
    assert verdicts(lab) == {"f": [("inputs", said)]}
    assert said in lab.run("status", "--outdated").out
    assert said in lab.run("why", "s/f").out
    assert said in lab.run("rerun", "--outdated", "--dry-run").out
    assert "  data/b.txt: nothing -> data/*.txt\n" in lab.run("diff", "s/f").out
    (difference,) = json.loads(lab.run("diff", "s/f", "--json").out)["differences"]
    assert difference == {
        "what": "matching files", "name": "data/b.txt", "before": None, "after": "data/*.txt",
    }  # fmt: skip

    lab.run("rerun", "--outdated", "--yes")
    lab.finish()
    assert (lab.root / "results/s/f/work/many.txt").read_text() == "a.txt b.txt"
    assert verdicts(lab) == {}

    (data / "a.txt").unlink()
    said = "data/a.txt, which matched data/*.txt, is gone"
    assert verdicts(lab) == {"f": [("inputs", said)]}
    assert "  data/a.txt: data/*.txt -> nothing\n" in lab.run("diff", "s/f").out
    shutil.rmtree(data)  # the disk is away
    assert verdicts(lab) == {}


def test_folders_below_and_absolute_patterns_count_too(
    lab: Any, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (data / "x").mkdir()
    for each in (outside, data / "x"):
        add(each / "a.txt")
    everywhere = [function("deep", '"data/**/*.txt"'), function("each", '["data/*/a.txt"]')]
    lab.apply(*everywhere, function("out", f'{{path: "{outside}/*.txt"}}'))
    lab.finish()
    assert verdicts(lab) == {}
    add(outside / "b.txt")
    (data / "y").mkdir()
    assert verdicts(lab) == {"out": [("inputs", f"{outside}/b.txt matches {outside}/*.txt now")]}
    add(data / "y" / "a.txt")
    said = "data/y/a.txt matches data/"
    assert verdicts(lab)["deep"] == [("inputs", f"{said}**/*.txt now")]
    assert verdicts(lab)["each"] == [("inputs", f"{said}*/a.txt now")]


def test_many_new_files_are_counted(lab: Any, data: Path) -> None:
    lab.apply(function("f", '"data/*"'))
    lab.finish()
    for number in range(5):
        (data / f"n{number}\n.txt").touch()
    assert [text for _, text in verdicts(lab)["f"]] == [
        "data/n0\\n.txt matches data/* now",
        "data/n1\\n.txt matches data/* now",
        "data/n2\\n.txt matches data/* now",
        "2 more files match data/* now",
    ]


def test_what_an_analysis_makes_itself_is_no_new_input(lab: Any, data: Path) -> None:
    lab.apply(function("f", '"**/*.txt"'))
    lab.finish()
    assert verdicts(lab) == {}
    lab.run("rerun", "s/f", "--yes")
    lab.finish()
    assert verdicts(lab) == {}


def test_what_counts_can_leave_new_files_out(lab: Any, data: Path) -> None:
    lab.apply(function("f", '"data/*.txt", outdated by: [settings, code]'))
    lab.finish()
    add(data / "b.txt")
    assert verdicts(lab) == {}


def test_a_pattern_is_looked_up_only_where_its_folder_has_changed(
    lab: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply(function("f", '"data/**/*.txt"'), function("g", '"data/**/*.txt"'))
    lab.finish()
    monkeypatch.setattr("asimov.engine.staleness.fingerprints.FRESH", -60)
    assert verdicts(lab) == {}
    seen: list[str] = []
    real = patterns.matching

    def matching(pattern: str, root: str) -> list[str]:
        seen.append(pattern)
        return real(pattern, root)

    monkeypatch.setattr(patterns, "matching", matching)
    monkeypatch.setattr("asimov.engine.staleness.fingerprints.folders_of", _never)
    with monkeypatch.context() as patched:
        patched.setattr(comparison, "last_run", _never)
        assert verdicts(lab) == {}
    assert seen == []
    monkeypatch.undo()
    monkeypatch.setattr(patterns, "matching", matching)
    (data / "b.txt").touch()
    assert sorted(verdicts(lab)) == ["f", "g"]
    assert seen == ["data/**/*.txt"], "once for both"


def _never(*_: Any) -> Any:
    raise AssertionError("it was looked at again")
