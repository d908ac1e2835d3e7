"""Which analyses are out of date, and why."""

from __future__ import annotations

from contextlib import closing
from typing import Any

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
    lab.apply(f"first, gain: 2, {SHELL}, {SCRIPT}", second)
    lab.finish()
    assert lab.states() == {"first": "uploaded", "second": "uploaded"}
    assert verdicts(lab) == {}

    lab.apply(f"first, gain: 5, {SHELL}, {SCRIPT}", update=True)
    assert verdicts(lab) == {"first": [("settings", "gain: 2 -> 5")]}
    lab.apply(f"first, gain: 2, comment: as before, {SHELL}, {SCRIPT}", update=True)
    assert verdicts(lab) == {}

    (lab.root / "data" / "in.txt").write_text("other\n")
    assert verdicts(lab) == {"first": [("inputs", "data/in.txt has changed")]}
    (lab.root / "data" / "in.txt").write_text("in\n")
    assert verdicts(lab) == {}

    with (lab.root / "scripts" / "run.sh").open("a") as stream:
        stream.write("true\n")
    assert verdicts(lab) == {"first": [("code", "scripts/run.sh has changed")]}

    (lab.rundir("first") / "y").write_text("remade")
    assert verdicts(lab)["second"] == [("inputs", "y of s/first has another content")]
