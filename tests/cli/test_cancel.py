"""``asimov cancel``, and moving several analyses at once with ``production set``."""

from __future__ import annotations

import json

import pytest

from tests.refusals import is_clear

JOB = "pipeline: command, executable: /bin/sleep, arguments: ['900'], outputs: {x: y}"
TEXT = f"""
kind: subject
name: s
analyses:
- {{name: long-1, {JOB}}}
- {{name: long-2, {JOB}}}
- {{name: done, pipeline: command, status: manual}}
- {{name: other, pipeline: command, status: wait}}
"""


@pytest.fixture
def applied(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    return project


def states(asimov):
    return {row["name"]: row["status"] for row in json.loads(asimov("status", "--json").out)}


def test_a_plan_says_what_will_be_refused(applied, asimov):
    asked = asimov("production", "set", "s/*", "-s", "restart")
    assert asked.code == 1
    assert (
        "error: 4 of 4 changes were refused" in asked.err
    )  # none of them can be: nothing is asked
    assert "not confirmed" not in asked.err
    asked = asimov("production", "set", "s/*", "--state", "wait", "--state", "manual", "-s", "wait")
    is_clear(asked, "  s/done: manual -> wait\n", "  s/other is wait already\n", "not confirmed")
    asked = asimov("production", "set", "s/long-1", "s/done", "-s", "uploaded")
    is_clear(
        asked,
        "  refused: s/long-1 is ready and can't be set to uploaded\n",
        "  s/done: manual -> uploaded\n",
        "not confirmed: set 1 analysis to uploaded",
    )
    is_clear(asimov("production", "set", "s/*", "-s", "redy"), "did you mean 'ready'?")


def test_cancelling_stops_jobs_at_once_and_leaves_what_is_finished(applied, asimov):
    assert asimov("manage", "build", "submit").code == 0
    assert asimov("production", "set", "s/done", "-s", "finished").code == 0
    asked = asimov("cancel", "s/long*", "s/done")
    is_clear(asked, "s/long-1 (running, job ", "not confirmed: cancel 2 analyses", "--yes")
    assert "1 already finished or cancelled: left alone" in asked.out
    assert states(asimov)["long-1"] == "running"
    ran = asimov("cancel", "s/long*", "--yes", "--reason", "wrong data")
    assert ran.code == 0, ran
    assert "s/long-2: running -> cancelled" in ran.out
    assert ran.out.count("is being removed") == 2
    assert states(asimov) == {
        "long-1": "cancelled", "long-2": "cancelled", "done": "finished", "other": "wait",
    }  # fmt: skip
    assert asimov("log", "s/long-1", "--last", 1).out.endswith(": wrong data\n")
    assert asimov("monitor", "--until-idle", "--interval", "1").code == 0
    attempt = json.loads(asimov("production", "show", "s/long-1", "--json").out)["attempts"][-1]
    assert attempt["state"] == "ended"
    assert "left alone" in asimov("cancel", "s/long-1").out
    is_clear(asimov("cancel"), "select analyses", code=2)


def test_several_are_moved_after_a_question_and_refusals_are_listed(applied, asimov):
    is_clear(asimov("production", "set", "-s", "wait"), "select analyses", code=2)
    many = ["production", "set", "s/long*", "--status"]
    is_clear(asimov(*many, "wait"), "s/long-2: ready -> wait", "not confirmed: set 2 analyses")
    assert states(asimov)["long-1"] == "ready"
    ran = asimov(*many, "wait", "--yes")
    assert ran.code == 0
    assert "s/long-1: ready -> wait\ns/long-2: ready -> wait\n" in ran.out
    ran = asimov("production", "set", "s/other", "s/done", "--status", "review", "-y")
    assert ran.code == 1
    assert "s/done: manual -> review" in ran.out
    assert "error: s/other is wait and can't be set to review" in ran.err
    assert "1 of 2 changes were refused" in ran.err
    ran = asimov("production", "set", "s", "--state", "wait", "--status", "ready", "--yes")
    assert ran.code == 0
    assert states(asimov)["other"] == "ready"


def test_every_command_takes_the_form_that_output_has(applied, asimov):
    for words in (
        ["production", "show", "s/other"],
        ["review", "add", "s/other", "approved"],
        ["review", "status", "s/other"],
        ["ledger", "show", "s/other"],
        ["log", "s/other"],
        ["status", "s/other"],
        ["why", "s/other"],
        ["diff", "s/other", "s/done"],
        ["production", "set", "s/other", "-s", "ready"],
    ):
        ran = asimov(*words)
        apart = asimov(*(each for word in words for each in word.replace("s/o", "s o").split()))
        assert ran.code in {0, 1}, ran
        if words[0] != "diff":
            assert ran.code == 0, ran
        if words[0] not in {"review", "production", "diff"}:
            assert (ran.out, ran.err) == (apart.out, apart.err)
    is_clear(
        asimov("report", "status", "s/other"),
        "a subject is needed here",
        "to select all analyses of its subject, give s",
    )
    is_clear(asimov("production", "show", "s"), "Missing argument 'SUBJECT/NAME'", code=2)
    is_clear(asimov("review", "status", "s", "a", "b"), "extra argument (b)", code=2)
    ledger = applied / "ledger/subjects/s.yaml"
    ledger.write_text(ledger.read_text().replace("name: other", "name: renamed"))
    assert "s/other: forgotten" in asimov("production", "forget", "s/other").out
