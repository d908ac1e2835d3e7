"""The test pipelines, each to its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BLUEPRINT = """
{kind: subject, name: s}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: b, pipeline: SimpleTestPipeline, needs: [a]}
---
{kind: analysis, event: s, name: over, pipeline: subjecttestpipeline, analyses: [a, b]}
---
{kind: analysis, event: t, name: a, pipeline: simpletestpipeline}
---
{kind: projectanalysis, name: all, pipeline: projecttestpipeline,
 analyses: [{pipeline: subjecttestpipeline}, {name: a}]}
"""
UNTIL = ("monitor", "--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")


def test_each_runs_to_its_end_and_uses_what_the_others_made(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[[str], Path]
) -> None:
    ran = asimov("apply", "-f", blueprint(BLUEPRINT))
    assert ran.code == 0, ran
    ran = asimov(*UNTIL)
    assert ran.code == 0, ran
    results = project / "results"
    assert (results / "s" / "a" / "result.txt").read_text() == "s/a\n"
    assert (results / "s" / "b" / "result.txt").read_text() == "s/b\ns/a\n"
    assert (results / "s" / "over" / "result.txt").read_text() == "s/over\ns/a\ns/b\ns/a\n"
    everything = (results / "project-analyses" / "all" / "result.txt").read_text()
    assert everything.splitlines()[0] == "project-analyses/all"
    assert {"s/over", "s/a", "t/a"} <= set(everything.splitlines())
    config = (project / "checkouts" / "s" / "analyses" / "b.ini").read_text()
    assert config.startswith("[analysis]\nname = b\nsubject = s\ninputs = s/a")


@pytest.mark.parametrize(
    ("setting", "state"), [("exit code: 3", "stuck"), ("seconds: 0", "uploaded")]
)
def test_its_settings_make_a_node_fail_or_take_time(
    project: Path,
    asimov: Callable[..., Any],
    blueprint: Callable[[str], Path],
    setting: str,
    state: str,
) -> None:
    text = f"{{kind: subject, name: s}}\n---\n{{kind: analysis, event: s, name: a, {setting}, "
    asimov("apply", "-f", blueprint(text + "max resurrections: 0, pipeline: simpletestpipeline}"))
    asimov(*UNTIL)
    (row,) = json.loads(asimov("status", "--json").out)
    assert row["status"] == state
