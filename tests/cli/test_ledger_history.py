"""``asimov ledger history`` and ``undo``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from asimov.journal import revisions
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.refusals import refused, state

BLUEPRINT = """
{kind: subject, name: s, x: 1}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: a, pipeline: command, executable: /bin/true}
"""
SUBJECT = Path("ledger/subjects/s.yaml")


@pytest.fixture
def applied(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    return project


def change(asimov, blueprint, text, name="more.yaml"):
    ran = asimov("apply", "-U", "-f", blueprint(text, name))
    assert ran.code == 0, ran


def test_every_change_has_its_time_author_command_and_reason(
    applied, asimov, blueprint, monkeypatch
):
    monkeypatch.setenv("LOGNAME", "ada")
    change(asimov, blueprint, "{kind: subject, name: s, x: 2}")
    change(asimov, blueprint, "{kind: configuration, y: 1}")
    assert asimov("rm", "s/a", "-y", "-m", "wrong data").code == 0
    assert asimov("apply", "-f", blueprint(BLUEPRINT.replace("x: 1", "x: 2"))).code == 0
    shown = asimov("ledger", "history").out.splitlines()
    heads = [line.split("  ", 2) for line in shown if line[0] != " "]
    assert [head[0] for head in heads] == ["1", "2", "3", "4", "5"]
    assert heads[1][2].startswith(f"ada  asimov apply -U -f {applied}/more.yaml")
    assert heads[3][2] == "ada  asimov rm s/a -y -m 'wrong data': wrong data"
    inside = [line.strip() for line in shown if line[0] == " "]
    assert inside == [
        "subjects/s.yaml: made; added a",
        "subjects/t.yaml: made",
        "subjects/s.yaml: changed settings",
        "project.yaml: changed settings of all",
        "subjects/s.yaml: removed a",
        "subjects/s.yaml: added a",
    ]
    listed = json.loads(asimov("ledger", "history", "--json").out)
    assert listed[3]["files"] == {"subjects/s.yaml": {"removed": ["a"]}}
    assert (listed[3]["author"], listed[3]["reason"]) == ("ada", "wrong data")


def test_it_shows_a_subject_an_analysis_or_the_last_ones(applied, asimov, blueprint):
    change(asimov, blueprint, "{kind: subject, name: s, x: 2}")
    change(asimov, blueprint, "{kind: subject, name: t, x: 2}")

    def numbers(*arguments):
        found = json.loads(asimov("ledger", "history", "--json", *arguments).out)
        return [each["number"] for each in found]

    assert numbers("t") == [1, 3]
    assert numbers("s/a") == [1]
    assert numbers("--last", 1) == [3]
    assert numbers("u") == []
    assert asimov("ledger", "history", "u").out == "No command has changed it yet\n"
    assert "  +x: 2\n" in asimov("ledger", "history", "--last", 1, "-p").out


def test_a_change_of_several_files_is_one_entry_and_one_undo(applied, asimov, blueprint):
    before = {path: path.read_text() for path in applied.glob("ledger/**/*.yaml")}
    change(asimov, blueprint, "{kind: subject, name: s, x: 2}\n---\n{kind: subject, name: t, z: 3}")
    everything = state(applied)
    rehearsed = asimov("ledger", "undo", "--dry-run")
    assert state(applied) == everything
    assert "  -x: 2\n  +x: 1\n" in rehearsed.out
    assert "Would undo change 2 of" in rehearsed.out
    assert "x: 2" in SUBJECT.read_text()
    ran = asimov("ledger", "undo", "-m", "the wrong file")
    assert "Undid change 2 of" in ran.out
    assert {path: path.read_text() for path in before} == before
    entry = json.loads(asimov("ledger", "history", "--json", "--last", 1).out)[0]
    assert (entry["undoes"], entry["reason"]) == (2, "the wrong file")
    assert "(undone by 3)" in asimov("ledger", "history").out

    # Again it goes further back; by its number an undo itself is undone.
    assert "Undid change 1 of" in asimov("ledger", "undo").out
    assert not SUBJECT.exists()
    assert asimov("status").err == ""
    refused(asimov, applied, ["ledger", "undo"], "there is no change to undo")
    refused(asimov, applied, ["ledger", "undo", "9"], "there is no change 9")
    refused(asimov, applied, ["ledger", "undo", "3"], "change 4 has changed subjects/s.yaml since")
    assert asimov("ledger", "undo", "4").code == 0
    assert json.loads(asimov("production", "show", "s", "a", "--json").out)["status"] == "ready"


def test_what_a_person_edited_since_is_not_lost(applied, asimov):
    SUBJECT.write_text(SUBJECT.read_text().replace("x: 1", "x: 7  # mine"))
    ran = asimov("ledger", "undo")
    assert ran.code == 1
    assert "  -x: 1\n  +x: 7  # mine\n" in ran.err
    assert "error: ledger/subjects/s.yaml: somebody edited this file since" in ran.err
    assert "x: 7  # mine" in SUBJECT.read_text()
    assert "Edited by hand since: ledger/subjects/s.yaml\n" in asimov("ledger", "history").out


def test_analyses_that_have_run_leave_only_by_force(applied, asimov, blueprint):
    workspace = Workspace.open(applied)
    workspace.journal.intend(Key("s", "a"), "u1", "run", "local")
    workspace.journal.submitted("u1", 17, [])
    refused(asimov, applied, ["ledger", "undo", "--force"], "s/a", "asimov rm s/a --stop")
    workspace.journal.ended("u1", "ended", exit_code=0, evidence="test", reason=None)
    refused(asimov, applied, ["ledger", "undo"], "some that it added have run: s/a", "--force")
    ran = asimov("ledger", "undo", "--force")
    assert "s/a leaves the ledger\n" in ran.out
    assert json.loads(asimov("ledger", "history", "--json").out)[-1]["undoes"] == 1


def test_what_others_need_does_not_leave(applied, asimov, blueprint):
    change(asimov, blueprint, "{kind: analysis, event: s, name: c, pipeline: command}")
    text = "{kind: projectanalysis, name: p, pipeline: command, analyses: [s/c]}"
    change(asimov, blueprint, text)
    refused(asimov, applied, ["ledger", "undo", "2"], "other analyses need what it added")


def test_passwords_in_addresses_are_not_kept(applied, asimov, monkeypatch):
    ran = asimov("rm", "s/a", "-y", "-m", "see https://ada:secret@example.org/x")
    assert ran.code == 0
    (entry,) = json.loads(asimov("ledger", "history", "--json", "--last", 1).out)
    assert "secret" not in entry["command"]


def test_old_texts_are_dropped_and_the_list_stays(applied, asimov, blueprint, monkeypatch):
    monkeypatch.setattr(revisions, "MOST", 20_000)
    monkeypatch.setattr(revisions, "KEPT", 2)
    for number in range(2, 8):
        noise = os.urandom(4000).hex()
        change(asimov, blueprint, f"{{kind: subject, name: s, x: {number}, noise: '{noise}'}}")
    journal = Journal(applied / ".asimov/journal.db")
    assert len(revisions.Revisions(journal).all()) == 7
    ((total,),) = journal.rows("SELECT sum(length(data)) FROM texts")
    assert total < 35_000
    assert "its text is no longer kept" in asimov("ledger", "history", "--diff").out
    assert asimov("ledger", "undo").code == 0
    refused(asimov, applied, ["ledger", "undo", "1"], "has changed subjects/s.yaml since")


def test_a_review_is_in_it_and_can_be_undone(applied, asimov):
    assert asimov("review", "add", "s", "a", "approved", "-m", "fine").code == 0
    assert asimov("review", "add", "s", "a", "rejected").code == 0
    assert "    review of s/a\n" in asimov("ledger", "history", "s/a").out
    assert asimov("ledger", "history", "t/a").out == "No command has changed it yet\n"
    refused(asimov, applied, ["ledger", "undo", "2"], "the review of s/a has changed since")
    assert "the earlier review of s/a is put back\n" in asimov("ledger", "undo").out
    assert asimov("review", "status", "s", "a").out.startswith("s/a: approved\n")
    assert asimov("ledger", "undo").code == 0
    assert asimov("review", "status", "s", "a").out.startswith("s/a: not reviewed\n")
    assert asimov("ledger", "undo", "5").code == 0
    assert asimov("review", "status", "s", "a").out.startswith("s/a: approved\n")
