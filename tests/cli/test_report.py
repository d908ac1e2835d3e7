"""``asimov report``."""

from __future__ import annotations

from tests.refusals import refused

TEXT = (
    "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command}\n"
    "- {name: b, pipeline: simpletestpipeline, needs: [a]}\n---\n"
    "kind: projectanalysis\nname: p\npipeline: command\n"
)


def test_status_is_name_pipeline_and_state_under_the_subject(project, asimov, blueprint):
    assert asimov("report", "status").out == ""
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    assert asimov("report", "status").out.splitlines() == [
        "project-analyses",
        "  p command ready",
        "s",
        "  a command ready",
        "  b simpletestpipeline ready  (a is ready)",
    ] or asimov("report", "status").out.splitlines() == [
        "s",
        "  a command ready",
        "  b simpletestpipeline ready  (a is ready)",
        "project-analyses",
        "  p command ready",
    ]
    assert asimov("report", "status", "s").out.startswith("s\n  a command ready\n")


def test_a_typo(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    refused(asimov, project, ["report", "status", "ss"], "no subject 'ss'; did you mean 's'?")
