"""``asimov apply`` shows what changes, and changes only what it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.refusals import refused

START = """\
{kind: configuration, quality: {a: 1}, scheduler: {request memory: 1 GB}}
---
{kind: subject, name: s, colour: red, x: {a: 1, b: 2}, postprocessing: {tool: 1}}
---
{kind: analysis, name: a, subject: s, pipeline: command, gain: 2, filter: {low: 1, high: 2}}
"""


@pytest.fixture
def started(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(START)).code == 0
    return project


def document(project: Path, path: str) -> Any:
    return yaml.safe_load((project / "ledger" / path).read_text())


def test_an_update_shows_each_key_that_changes_and_a_dry_run_does_the_same(
    started, asimov, blueprint
):
    file = blueprint(
        "{kind: subject, name: s, colour: blue}\n---\n"
        "{kind: analysis, name: a, subject: s, pipeline: command, gain: 5, filter: {high: null},"
        " window: {name: hann, width: 3}}\n"
    )
    lines = [
        "update subject s",
        "       colour: red -> blue",
        "update analysis s/a",
        "       gain: 2 -> 5",
        "       filter: high: 2 -> null",
        "       window: name: hann (added)",
        "       window: width: 3 (added)",
    ]
    ran = asimov("apply", "-U", "-n", "-f", file)
    assert ran.out.splitlines() == [*lines, "Would be: 2 updated"]
    ran = asimov("apply", "-U", "-f", file)
    assert ran.out.splitlines() == [*lines, "Done: 2 updated"]


def test_a_long_list_of_changes_is_cut_unless_all_is_asked_for(started, asimov, blueprint):
    keys = ", ".join(f"k{n}: {n}" for n in range(30))
    file = blueprint(f"{{kind: subject, name: s, {keys}}}")
    ran = asimov("apply", "-U", "-n", "-f", file)
    assert len(ran.out.splitlines()) == 1 + 20 + 1 + 1
    assert "       and 10 more keys: --verbose shows all" in ran.out
    ran = asimov("apply", "-U", "-n", "-f", file, "--verbose")
    assert len(ran.out.splitlines()) == 1 + 30 + 1
    assert "k29: 29 (added)" in ran.out


def test_replace_removes_the_keys_that_a_blueprint_no_longer_has(started, asimov, blueprint):
    file = blueprint(
        "{kind: subject, name: s, x: {a: 1}}\n---\n"
        "{kind: analysis, name: a, subject: s, pipeline: command, filter: {low: 1}}\n---\n"
        "{kind: configuration, quality: {b: 1}}\n---\n{kind: configuration, seed: 1}\n"
    )
    told = [
        "       quality: a: 1 (removed)",
        "       scheduler: request memory: 1 GB (removed)",
        "       colour: red (removed)",
        "       x: b: 2 (removed)",
        "       gain: 2 (removed)",
        "       filter: high: 2 (removed)",
    ]
    ran = asimov("apply", "--replace", "-n", "-f", file)
    assert [line for line in ran.out.splitlines() if "removed" in line] == told
    assert asimov("apply", "--replace", "-f", file).out.endswith("Done: 4 updated\n")
    assert document(started, "project.yaml") == {"quality": {"b": 1}, "seed": 1}
    # Analyses and post-processing have documents of their own.
    assert document(started, "subjects/s.yaml") == {
        "name": "s",
        "x": {"a": 1},
        "postprocessing": {"tool": 1},
        "analyses": [{"name": "a", "pipeline": "command", "filter": {"low": 1}}],
    }
    again = asimov(
        "apply", "--replace", "-f", blueprint("{kind: postprocessing, subject: s, b: 1}")
    )
    assert again.code == 0
    assert document(started, "subjects/s.yaml")["postprocessing"] == {"b": 1}
    assert document(started, "subjects/s.yaml")["x"] == {"a": 1}


def test_a_configuration_that_changes_what_is_set_needs_update(started, asimov, blueprint):
    file = blueprint("{kind: configuration, scheduler: {request memory: 2 GB}, seed: 1}")
    refused(
        asimov,
        started,
        ["apply", "-f", file],
        f"{file}:1:35: the project already has different settings: "
        "scheduler: request memory: 1 GB ",
        "to change them, use 'asimov apply --update'",
    )
    ran = asimov("apply", "-U", "-f", file)
    assert "scheduler: request memory: 1 GB -> 2 GB" in ran.out
    assert document(started, "project.yaml")["quality"] == {"a": 1}
    # What is new, or the same, changes nothing that is set.
    file = blueprint("{kind: configuration, scheduler: {request cpus: 2}, seed: 1}")
    assert asimov("apply", "-f", file).code == 0


def test_first_settings_of_a_project_or_a_subject_outdate_results_too(lab: Any) -> None:
    keys = "pipeline: command, executable: /bin/sh, arguments: [-c, echo x > y], outputs: {y: y}"
    lab.apply(f"first, {keys}")
    lab.finish()
    path = lab.root / "more.yaml"
    for document, what, reason in (
        ("{kind: configuration, gain: 5}", "configuration", "gain: nothing -> 5"),
        ("{kind: configuration, bias: 1}", "configuration", "bias: nothing -> 1"),
        ("{kind: subject, name: s, colour: red}", "subject s", "colour: nothing -> red"),
    ):
        path.write_text(document)
        for flags in (["-n"], []):
            ran = lab.run("apply", "-U", "-f", path, *flags)
            assert what in ran.out and f"outdates s/first: {reason}\n" in ran.out, ran
    assert lab.run("status", "--outdated").out.count("gain: nothing -> 5") == 1


def test_the_finished_results_that_a_change_outdates_are_named(lab: Any) -> None:
    keys = "pipeline: command, executable: /bin/sh, arguments: [-c, echo x > y], outputs: {y: y}"
    lab.apply(f"first, gain: 2, {keys}", f"second, {keys}")
    lab.finish()
    path = lab.root / "changed.yaml"
    path.write_text(f"{{kind: analysis, name: first, subject: s, gain: 5, {keys}}}")
    told = ["update analysis s/first", "       gain: 2 -> 5", "outdates s/first: gain: 2 -> 5"]
    for flags, done in ((["-n"], "Would be"), ([], "Done")):
        ran = lab.run("apply", "-U", "-f", path, *flags)
        assert ran.out.splitlines() == [*told, f"{done}: 1 updated"]
    # It is out of date already.
    path.write_text(path.read_text().replace("gain: 5", "gain: 5, comment: x"))
    assert "outdates" not in lab.run("apply", "-U", "-f", path).out
    # Its settings are checked as those of a new one.
    path.write_text(path.read_text().replace("gain: 5", "gain: 5, processes: many"))
    assert "processes: should be a whole number" in lab.run("apply", "-U", "-f", path, code=1).err
    path.write_text(path.read_text().replace(", processes: many", "").replace("/bin/sh", "/bin/no"))
    ran = lab.run("apply", "-U", "-f", path)
    assert "s/first can't be built as it is: executable: '/bin/no' is neither" in ran.err
