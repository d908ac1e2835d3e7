"""``asimov ledger history`` and ``undo``."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.journal import revisions
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.conftest import stop_local_scheduler
from tests.lab import lab
from tests.refusals import refused, state

__all__ = ["lab"]

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
    refused(asimov, applied, ["ledger", "history", "u"], "there is no subject 'u', now or earlier")
    refused(asimov, applied, ["ledger", "history", "s/ab"], "no analysis 's/ab'", "mean 's/a'?")
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
    refused(
        asimov,
        applied,
        ["ledger", "undo", "3"],
        "subjects/s.yaml was changed again by change 4, after",
    )
    assert asimov("ledger", "undo", "4").code == 0
    assert json.loads(asimov("production", "show", "s", "a", "--json").out)["status"] == "ready"


def test_what_a_person_edited_since_is_not_lost(applied, asimov):
    SUBJECT.write_text(SUBJECT.read_text().replace("x: 1", "x: 7  # mine"))
    ran = asimov("ledger", "undo")
    assert ran.code == 1
    assert "  -x: 1\n  +x: 7  # mine\n" in ran.err
    assert "error: ledger/subjects/s.yaml: this file was edited by hand since" in ran.err
    assert "x: 7  # mine" in SUBJECT.read_text()
    assert "Edited by hand since: ledger/subjects/s.yaml\n" in asimov("ledger", "history").out


def test_a_long_setting_is_not_printed_whole(applied, asimov, blueprint):
    change(asimov, blueprint, f"{{kind: subject, name: s, x: {'y' * 1000}}}")
    path = applied / SUBJECT
    path.write_text(path.read_text().replace("y" * 1000, "z" * 1000))
    refusal = asimov("ledger", "undo").err
    path.write_text(path.read_text().replace("z" * 1000, "y" * 1000))
    for said in (refusal, asimov("ledger", "undo", "-n").out, asimov("ledger", "undo").out):
        assert "... (100" in said
        assert "y" * 201 not in said
        assert "z" * 201 not in said


def test_analyses_that_have_run_leave_only_by_force(applied, asimov, blueprint):
    workspace = Workspace.open(applied)
    workspace.journal.intend(Key("s", "a"), "u1", "run", "local")
    workspace.journal.submitted("u1", 17, [])
    refused(asimov, applied, ["ledger", "undo", "--force"], "s/a", "asimov rm s/a --stop")
    workspace.journal.ended("u1", "ended", exit_code=0, evidence="test", reason=None)
    refused(asimov, applied, ["ledger", "undo"], "added analyses that have run: s/a", "--force")
    ran = asimov("ledger", "undo", "--force")
    assert "s/a leaves the ledger\n" in ran.out
    assert json.loads(asimov("ledger", "history", "--json").out)[-1]["undoes"] == 1


def test_what_a_pass_is_about_to_submit_does_not_leave_under_it(lab):
    undoing = []

    class Undone(SimpleTestPipeline):
        def before_config(self, *arguments, **options):
            command = [sys.executable, "-m", "asimov", "ledger", "undo"]
            process = Popen(command, cwd=lab.root, stdout=DEVNULL, stderr=PIPE, text=True)
            undoing.append(process)
            with suppress(TimeoutExpired):
                process.wait(3)  # it waits for the pass

    lab.register("undone", Undone)
    lab.apply("a, pipeline: undone")
    assert lab.asimov("monitor", "--chain").code == 0
    said = undoing[0].communicate()[1]
    assert lab.states() == {"a": "running"}
    assert "added analyses that have jobs now: s/a" in said
    lab.finish()


def test_what_others_need_does_not_leave(applied, asimov, blueprint):
    change(asimov, blueprint, "{kind: analysis, event: s, name: c, pipeline: command}")
    text = "{kind: projectanalysis, name: p, pipeline: command, analyses: [s/c]}"
    change(asimov, blueprint, text)
    refused(
        asimov,
        applied,
        ["ledger", "undo", "2"],
        "can't undo change 2: others need analyses that it added",
    )


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
    assert "its earlier text is no longer kept" in asimov("ledger", "history", "--diff").out
    assert asimov("ledger", "undo").code == 0
    refused(asimov, applied, ["ledger", "undo", "1"], "subjects/s.yaml was changed again by change")


def test_a_review_is_in_it_and_can_be_undone(applied, asimov):
    assert asimov("review", "add", "s", "a", "approved", "-m", "fine").code == 0
    assert asimov("review", "add", "s", "a", "rejected").code == 0
    assert "    review of s/a: rejected\n" in asimov("ledger", "history", "s/a").out
    assert "Edited by hand" not in asimov("ledger", "history").out
    refused(asimov, applied, ["ledger", "history", "t/a"], "no analysis 't/a'")
    refused(asimov, applied, ["ledger", "undo", "2"], "the review of s/a was changed again after")
    assert "the earlier review of s/a is restored: approved\n" in asimov("ledger", "undo").out
    assert "  asimov ledger undo  (undoes 3)\n" in asimov("ledger", "history").out
    assert asimov("log", "s/a", "--last", 1).out.endswith(
        "  review  [root]: the earlier review was restored: approved\n"
    )
    assert "Edited by hand" not in asimov("ledger", "history").out
    assert asimov("review", "status", "s", "a").out.startswith("s/a: approved\n")
    assert "s/a is no longer reviewed\n" in asimov("ledger", "undo").out
    assert asimov("log", "s/a", "--last", 1).out.endswith(": it was withdrawn\n")
    assert asimov("review", "status", "s", "a").out.startswith("s/a: not reviewed\n")
    assert asimov("ledger", "undo", "5").code == 0
    assert asimov("review", "status", "s", "a").out.startswith("s/a: approved\n")


def finish(asimov):
    ran = asimov("monitor", "--chain", "--until-idle", "--interval", "0.1")
    assert ran.code == 0, ran


def test_an_analysis_that_was_removed_and_added_again_gets_its_past_back(
    applied, asimov, blueprint
):
    change_by_hand = "/bin/sh\n  arguments: [-c, echo x > out]\n  outputs: {it: out}"
    SUBJECT.write_text(SUBJECT.read_text().replace("/bin/true", change_by_hand))
    finish(asimov)
    stop_local_scheduler(applied)  # when it ends by itself, it tidies up its files
    before = {
        path.relative_to(applied): path.read_bytes()
        for home in ("results/s", "working/s")
        for path in (applied / home).rglob("*")
        if path.is_file()
    }
    assert Path("results/s/a/out") in before
    shown = asimov("production", "show", "s", "a", "--json").out
    assert asimov("rm", "s/a", "-y").code == 0
    again = asimov("production", "create", "s", "command", "a", "--set", "executable=/bin/false")
    assert "its results are kept in results/s/a/superseded-1\n" in again.err
    assert json.loads(asimov("status", "--json").out)[0]["status"] == "ready"
    refused(
        asimov,
        applied,
        ["ledger", "undo", "2"],
        "undo the later change first: asimov ledger undo 3",
    )

    # It has not run in its new life, so no --force is needed, and the old one comes back.
    ran = asimov("ledger", "undo")
    assert ran.code == 0, ran
    assert "s/a leaves the ledger\n" in ran.out
    ran = asimov("ledger", "undo")
    assert "s/a is uploaded again\n" in ran.out
    assert asimov("production", "show", "s", "a", "--json").out == shown
    after = {
        path.relative_to(applied): path.read_bytes()
        for home in ("results/s", "working/s")
        for path in (applied / home).rglob("*")
        if path.is_file()
    }
    assert after == before
    assert not (applied / "results/s/a/superseded-1").exists()
    assert asimov("store", "verify").code == 0
    assert "change 3, which let it start fresh, was undone" in asimov("log", "s/a").out

    # Which results an undo puts out of date is said.
    assert asimov("ledger", "undo", "5").code == 0  # removed, and
    assert asimov("ledger", "undo", "6").code == 0  # back
    change(
        asimov, blueprint, "{kind: configuration, pipelines: {command: {environment: {A: '1'}}}}"
    )
    assert "outdates" not in asimov("ledger", "undo").out
    for how in (["--dry-run"], []):
        ran = asimov("ledger", "undo", "9", *how)
        assert "outdates s/a: environment" in ran.out, ran

    # Once it has run in its new life, the old one stays aside, and that is said.
    assert asimov("rm", "s/a", "-y").code == 0
    again = asimov("production", "create", "s", "command", "a", "--set", "executable=/bin/false")
    assert again.code == 0, again
    workspace = Workspace.open(applied)
    workspace.journal.intend(Key("s", "a"), "u1", "run", "local")
    workspace.journal.ended("u1", "ended", exit_code=0, evidence="test", reason=None)
    refused(asimov, applied, ["ledger", "undo"], "added analyses that have run: s/a", "--force")
    ran = asimov("ledger", "undo", "--force")
    assert (
        "s/a has run since; what it was before stays in working/s/a.superseded-1, "
        "results/s/a/superseded-1\n"
    ) in ran.out
    # Its state and results are of its new life, and its old settings would come back.
    which = "added s/a again, and it has run since: its state and results"
    refused(asimov, applied, ["ledger", "undo"], which, "what it was before stays in working/s/a.s")
    ran = asimov("ledger", "undo", "--force")
    assert ran.code == 0, ran
    assert f"{which} stay those of that run; what it was before stays in" in ran.out
    assert "s/a is uploaded again" not in ran.out


def test_an_old_name_that_is_taken_now_is_told(applied, asimov):
    def create(name):
        made = asimov("production", "create", "s", "command", name, "--set", "executable=/bin/true")
        assert made.code == 0, made

    assert asimov("mv", "s/a", "b").code == 0
    create("a")
    refused(asimov, applied, ["ledger", "undo", "2"], "s/a, the old name of s/b, is now in use",
            "asimov mv s/a OTHER-NAME")  # fmt: skip
    # Removed again without having run, it is in nobody's way.
    assert asimov("rm", "s/a", "-y").code == 0
    assert "s/b is s/a again\n" in asimov("ledger", "undo", "2").out
    assert asimov("mv", "s/a", "b").code == 0
    create("a")
    workspace = Workspace.open(applied)
    workspace.journal.intend(Key("s", "a"), "u1", "run", "local")
    workspace.journal.ended("u1", "ended", exit_code=0, evidence="test", reason=None)
    assert asimov("rm", "s/a", "-y").code == 0
    refused(asimov, applied, ["ledger", "undo", "6"], "was used again and has run since",
            "asimov mv s/b OTHER-NAME")  # fmt: skip
