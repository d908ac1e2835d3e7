"""``asimov review``: what people think of analyses, kept in the journal."""

from __future__ import annotations

import json
import re

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.refusals import is_clear, refused

TEXT = """
kind: subject
name: s
analyses:
- {name: a, pipeline: simpletestpipeline}
- {name: b, pipeline: simpletestpipeline, needs: [[a, "review: approved"]]}
---
kind: subject
name: t
---
{kind: projectanalysis, name: p, pipeline: command, subjects: [s, t]}
"""


@pytest.fixture
def made(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    return project


def facts(project, subject="s", name="a"):
    workspace = Workspace.open(project)
    return workspace.facts.get((subject, name), {}).get("review")


def test_a_review_is_kept_with_who_said_it_and_when(made, asimov):
    ran = asimov("review", "add", "s", "a", "Approved", "-m", "looks <good>")
    assert (ran.code, ran.out) == (0, "s/a: approved\n")
    kept = facts(made)
    assert kept["status"] == "approved"
    (message,) = kept["messages"]
    assert (message["message"], message["status"]) == ("looks <good>", "approved")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", message["timestamp"])
    assert message["by"]


def test_a_message_alone_leaves_the_review_as_it_is(made, asimov):
    assert asimov("review", "add", "s", "a", "rejected").code == 0
    ran = asimov("review", "add", "s", "a", "-m", "see the log")
    assert (ran.code, ran.out) == (0, "s/a: message added\n")
    assert facts(made)["status"] == "rejected"
    assert [each["status"] for each in facts(made)["messages"]] == ["rejected", None]
    assert asimov("review", "add", "s", "a", "preferred").code == 0
    assert facts(made)["status"] == "preferred"


def test_the_log_tells_of_reviews(made, asimov):
    asimov("review", "add", "s", "a", "approved", "-m", "fine")
    asimov("review", "add", "s", "a", "-m", "more")
    lines = asimov("log", "s", "a").out.splitlines()
    assert re.search(r"s/a  review  \[\w+\]: approved: fine$", lines[-2])
    assert re.search(r"s/a  review  \[\w+\]: more$", lines[-1])


def test_status_shows_how_reviews_stand(made, asimov):
    asimov("review", "add", "s", "a", "approved", "-m", "fine")
    lines = [line.split() for line in asimov("review", "status").out.splitlines()]
    assert ["s", "a", "ready", "approved", "fine"] in lines
    assert ["s", "b", "ready"] in lines
    one = asimov("review", "status", "s", "a").out.splitlines()
    assert one[0] == "s/a: approved"
    assert one[1].endswith(": fine")
    assert asimov("review", "status", "s", "b").out == "s/b: not reviewed\n"
    told = json.loads(asimov("review", "status", "s", "--json").out)
    assert [(row["name"], row["status"]) for row in told] == [("a", "approved"), ("b", None)]


def test_what_needs_a_review_says_so_and_goes_on_with_it(made, asimov):
    assert asimov("production", "set", "s", "a", "--status", "finished").code == 0
    told = json.loads(asimov("why", "s", "b", "--json").out)
    assert told["because"] == [
        "nothing matches 'a and review: approved'",
        "s/a has not been reviewed, but 'approved' is required",
    ]
    assert "a review: 'asimov review add s/a approved'" in told["moves"]
    asimov("review", "add", "s", "a", "rejected")
    told = json.loads(asimov("why", "s", "b", "--json").out)
    assert "s/a has the review 'rejected', but 'approved' is required" in told["because"]
    asimov("review", "add", "s", "a", "approved")
    told = json.loads(asimov("why", "s", "b", "--json").out)
    assert not any("review" in line for line in told["because"])


def test_a_review_leaves_a_built_configuration_as_it_is(made, asimov):
    assert asimov("manage", "build", "--event", "s").code == 0
    asimov("review", "add", "s", "a", "approved", "-m", "may run")
    ran = asimov("manage", "build", "--event", "s")
    assert "built" not in ran.out
    told = json.loads(asimov("why", "s", "a", "--json").out)
    assert told["because"] == ["it is built and ready to submit"]


@pytest.mark.parametrize(
    ("before", "after"), [("finished", "restart"), ("stuck", "ready"), ("cancelled", "ready")]
)
def test_run_again_it_is_no_longer_approved_and_what_was_said_stays(made, asimov, before, after):
    assert asimov("production", "set", "s", "a", "--status", before).code == 0
    asimov("review", "add", "s", "a", "approved", "-m", "fine")
    assert asimov("production", "set", "s", "a", "--status", after).code == 0
    if after == "restart":  # until a pass begins it, the request can be withdrawn
        assert facts(made)["status"] == "approved"
        assert asimov("monitor").code == 0
    kept = facts(made)
    assert kept["status"] is None
    assert [each["message"] for each in kept["messages"]] == ["fine"]
    assert "no longer approved: it is run again" in asimov("log", "s", "a").out
    assert asimov("review", "status", "s", "a").out.startswith("s/a: not reviewed\n")


@pytest.mark.parametrize("status", ["approved", "preferred"])
def test_a_result_that_nobody_has_seen_yet_is_not_approved(made, asimov, status):
    # It never ran: whoever approves that knows it.
    assert asimov("review", "add", "s", "a", status).code == 0
    workspace = Workspace.open(made)
    workspace.journal.intend(Key("s", "a"), "u1", "run", "local")
    workspace.journal.ended("u1", "ended", exit_code=0, evidence="test", reason=None)
    workspace.journal.close()
    ran = asimov("review", "add", "s", "a", status)
    assert ran.code == 1
    assert f"s/a is ready: it can't be {status} before there is a result to look at" in ran.err
    assert asimov("review", "add", "s", "a", "rejected", "-m", "wrong data").code == 0
    assert asimov("review", "add", "s", "a", "-m", "it looks well so far").code == 0


def test_an_analysis_that_was_only_kept_back_keeps_its_review(made, asimov):
    asimov("production", "set", "s", "a", "--status", "wait")
    asimov("review", "add", "s", "a", "approved")
    asimov("production", "set", "s", "a", "--status", "ready")
    assert facts(made)["status"] == "approved"


def test_an_analysis_across_subjects_is_named_by_them(made, asimov):
    assert asimov("review", "add", "project-analyses", "p", "approved").code == 0
    ran = asimov("review", "add", "s", "p", "rejected", "--other_subjects", "[t]", "-p", "Command")
    assert ran.out == "project-analyses/p: rejected\n"
    assert asimov("review", "add", "t", "p", "preferred", "-o_e", "s").code == 0
    kept = facts(made, "project-analyses", "p")
    assert [each["status"] for each in kept["messages"]] == ["approved", "rejected", "preferred"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("s", "a", "aproved"), "'aproved' is not a review status; did you mean 'approved'?"),
        (("s", "aa", "approved"), "s has no analysis 'aa'; did you mean 'a'?"),
        (("ss", "a", "approved"), "there is no subject 'ss'; did you mean 's'?"),
        (("s", "p", "approved"), "s has no analysis 'p'"),
        (("s", "p", "approved", "-o_e", "tt"), "there is no subject 'tt'; did you mean 't'?"),
        (
            ("s", "q", "approved", "-o_e", "t"),
            "there is no project analysis 'q' of the subjects s, t",
        ),
        (("s", "p", "approved", "-o_e", "t", "-p", "x"), "uses the pipeline command, not x"),
    ],
)
def test_a_typo_changes_nothing(made, asimov, arguments, said):
    refused(asimov, made, ["review", "add", *arguments], said)


def test_neither_a_status_nor_a_message_is_no_review(made, asimov):
    is_clear(asimov("review", "add", "s", "a"), "give a STATUS, a message (-m), or both", code=2)


def test_status_outside_of_what_there_is(project, asimov):
    assert "No analyses yet" in asimov("review", "status").out
    refused(asimov, project, ["review", "status", "x"], "there is no subject 'x'")


def test_an_audit_compares_configurations_with_the_ledger(project, asimov, blueprint):
    text = "kind: subject\nname: s\nanalyses:\n" + "".join(
        f"- {{pipeline: simpletestpipeline, name: {name}}}\n"
        for name in ("same", "edited", "changed", "lost", "unbuilt, status: wait")
    )
    assert asimov("apply", "-f", blueprint(text)).code == 0
    assert asimov("manage", "build").code == 0
    folder = project / "checkouts" / "s" / "analyses"
    with (folder / "edited.ini").open("a") as file:
        file.write("# by hand\n")
    (folder / "lost.ini").unlink()
    more = "{kind: analysis, subject: s, name: changed, pipeline: simpletestpipeline, x: 1}"
    assert asimov("apply", "-U", "-f", blueprint(more)).code == 0
    told = {
        each["name"]: each["differs"]
        for each in json.loads(asimov("review", "audit", "--json").out)
    }
    assert told == {
        "same": None,
        "edited": "edited by hand",
        "changed": "its settings or its template have changed since it was built",
        "lost": "its configuration is missing",
        "unbuilt": "not built yet",
    }
    head, first, *_ = asimov("review", "audit", "s").out.splitlines()
    assert re.split(r" {2,}", head) == ["subject", "name", "its configuration", "file"]
    assert re.split(r" {2,}", first)[1:3] == ["same", "as the ledger says"]
