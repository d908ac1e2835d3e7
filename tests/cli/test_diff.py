"""``asimov diff``, and what other commands say of settings that have changed since a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab import lab, simple

__all__ = ["lab", "simple"]

SHELL = "pipeline: command, executable: /bin/sh, outputs: {y: y}"
ONE = f'a, {SHELL}, gain: 2, arguments: [-c, "echo 2 > y"]'
TWO = f'a, {SHELL}, gain: 5, arguments: [-c, "echo 5 > y"]'


@pytest.fixture
def again(lab: Any) -> Any:
    """An analysis that ran with two settings, and has a third one in the ledger."""
    lab.apply(ONE)
    lab.finish()
    lab.apply(TWO, update=True)
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.finish()
    lab.apply(TWO.replace("gain: 5", "gain: 7"), update=True)
    return lab


def test_attempts_analyses_and_the_ledger_are_compared(again: Any) -> None:
    told = again.run("diff", "s/a@1", "s/a@2").out
    assert told.startswith("s/a@1 -> s/a@2\n")
    assert "settings:\n  gain: 2 -> 5\n" in told
    assert "commands:\n  job.sub: /bin/sh" in told
    assert "products:\n  y: " in told
    found = json.loads(again.run("diff", "s/a@1", "s/a@2", "--json").out)
    assert {(each["what"], each["name"]) for each in found["differences"]} == {
        ("settings", "gain"), ("settings", "arguments"), ("files", "the configuration"),
        ("commands", "job.sub"), ("products", "y"),
    }  # fmt: skip
    assert again.run("diff", "s/a").out == "s/a@2 -> s/a in the ledger\nsettings:\n  gain: 5 -> 7\n"
    assert "no difference in settings, files" in again.run("diff", "s/a", "s/a@2").out


def test_what_does_not_exist_is_named(again: Any) -> None:
    assert "is not the name of an analysis" in again.run("diff", "a", code=1).err
    assert "s has no analysis 'b'" in again.run("diff", "s/b", code=1).err
    ran = again.run("diff", "s/a@9", code=1)
    assert "s/a has no attempt 9" in ran.err and "its attempts: 1, 2" in ran.err
    again.apply("b")
    assert "s/b has not run" in again.run("diff", "s/b", code=1).err


def test_a_result_is_shown_with_what_is_configured_otherwise_now(again: Any) -> None:
    shown = json.loads(again.run("production", "show", "s", "a", "--json").out)
    assert shown["changed_since_it_ran"] == {"gain": {"ran with": 5, "now": 7}}
    assert (shown["settings"]["gain"], shown["settings_of"]) == (5, "s/a@2")
    told = again.run("production", "show", "s", "a").out
    assert "\nsettings_of: s/a@2\nsettings:\n" in told
    assert "\n  gain: 5  (now 7 in the ledger)\n" in told
    assert told.count("(now ") == 1
    assert "7" in again.run("ledger", "show", "s", "a").out
    assert "; it ran with 5" in again.run("ledger", "show", "s", "a").out
    again.run("report", "html")
    pages = [path.read_text() for path in (again.root / "pages").glob("*.html")]
    assert any("<td>7<small>ran with 5</small></td>" in page for page in pages)


def test_a_setting_is_marked_where_it_stands(lab: Any, simple: Any) -> None:
    class Writes(simple):  # type: ignore[misc]
        def detect_completion(self) -> bool:
            self.production.meta["found"] = {"by the run": 7}
            return bool(super().detect_completion())

    lab.register("writes", Writes)
    lab.apply("a, pipeline: writes, sampler: {name: dynesty, steps: [1, 2]}, gain: 2, comment: old")
    assert "settings_of: the ledger\n" in lab.run("production", "show", "s/a").out
    lab.finish()
    path = lab.root / "more.yaml"
    path.write_text(
        "{kind: analysis, event: s, name: a, pipeline: writes, sampler: {name: emcee, steps: [3],"
        " walkers: 9}, comment: new, depth: {most: 4}}"
    )
    lab.run("apply", "-f", path, "--update", "--replace")
    told = lab.run("production", "show", "s/a").out.partition("\nsettings:\n")[2]
    for lines in (
        "  sampler:\n    name: dynesty  (now emcee in the ledger)\n"
        "    steps:  (now [3] in the ledger)\n    - 1\n    - 2\n"
        "    walkers: not set  (now 9 in the ledger)\n",
        "  gain: 2  (now not set in the ledger)\n",
        "  comment: new\n",
        "  depth: most: not set  (now 4 in the ledger)\n",
        "  found: by the run: not set  (now 7 written by its pipeline)\n",
    ):
        assert lines in told + "\n", told


def test_another_pipeline_and_a_new_setting_are_marked(lab: Any) -> None:
    lab.apply(ONE)
    lab.finish()
    lab.apply("a, gain: 2, bias: 1, pipeline: simpletestpipeline", update=True)
    shown = json.loads(lab.run("production", "show", "s/a", "--json").out)
    assert shown["changed_since_it_ran"]["pipeline"] == {
        "ran with": "command", "now": "simpletestpipeline",
    }  # fmt: skip
    shown = lab.run("production", "show", "s/a").out
    assert "\n  pipeline: command  (now simpletestpipeline in the ledger)\n" in shown
    shown = lab.run("ledger", "show", "s/a").out
    assert shown.startswith("s/a (simpletestpipeline; it ran with command)\n")
    assert "; it ran without it\n" in shown and "null" not in shown
    assert "pipeline: command -> simpletestpipeline" in lab.run("diff", "s/a").out
