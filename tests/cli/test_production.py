"""``asimov production``."""

from __future__ import annotations

import json

import pytest

from asimov.project.workspace import Workspace
from asimov.states import ALIASES, STATES, allowed
from tests.refusals import is_clear, refused, state
from tests.searching import first

TEXT = (
    "kind: subject\nname: s\nx: 1\nanalyses:\n- {name: spectrum, pipeline: command, needs: [b]}\n"
    "- {name: b, pipeline: command}\n"
)


@pytest.fixture
def applied(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    return project


def put(project, status):
    """Bring the analysis into a state, as the engine would."""
    workspace = Workspace.open(project)
    if status != "ready":
        workspace.journal.set_status(("s", "b"), "ready", status, "test", None)
    workspace.journal.close()


@pytest.mark.parametrize("before", first(5, STATES))
def test_a_person_has_the_ways_of_the_table_and_no_others(applied, asimov, before):
    put(applied, before)
    for after in STATES:
        now = json.loads(asimov("production", "show", "s", "b", "--json").out)["status"]
        assert now == before
        if after == before:
            assert "already" in asimov("production", "set", "s", "b", "-s", after).out
        elif not allowed(before, after, "person"):
            refused(
                asimov, applied, ["production", "set", "s", "b", "-s", after],
                f"s/b is {before} and can't be set to {after}", "it can be set to ",
            )  # fmt: skip
        else:
            ran = asimov("production", "set", "s", "b", "-s", after)
            later = "; the next pass of 'asimov monitor' carries it out"
            tail = later if after in {"stop", "restart"} else ""
            assert (ran.code, ran.out) == (0, f"s/b: {before} -> {after}{tail}\n")
            workspace = Workspace.open(applied)
            workspace.journal.set_status(("s", "b"), after, before, "test", None)
            workspace.journal.close()


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_older_words_for_states(applied, asimov, alias, name):
    ran = asimov("production", "set", "s", "b", "--status", alias.upper())
    if allowed("ready", name, "person"):
        assert ran.out == f"s/b: ready -> {name}\n"
    else:
        is_clear(ran, f"can't be set to {name}")


@pytest.mark.parametrize("status", ["restart", "stop", "cancelled"])
def test_with_an_open_attempt_only_what_takes_care_of_its_job(applied, asimov, status):
    workspace = Workspace.open(applied)
    workspace.journal.intend(("s", "b"), "u1", "run", "local")
    workspace.journal.submitted("u1", 17, [])
    workspace.journal.set_status(("s", "b"), "ready", "stuck", "test", None)
    workspace.journal.close()
    refused(
        asimov, applied, ["production", "set", "s", "b", "-s", "ready"],
        "s/b can't be set to 'ready': it has job 17, which may still be running",
    )  # fmt: skip
    ran = asimov("production", "set", "s", "b", "-s", status)
    assert ran.code == 0
    does = "removes its job" if status == "cancelled" else "carries it out"
    assert f"the next pass of 'asimov monitor' {does}\n" in ran.out


def test_a_change_of_state_is_logged_with_who_and_why(applied, asimov, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    asimov("production", "set", "s", "b", "-s", "wait", "--reason", "for Ø")
    assert asimov("log", "s", "b", "--last", 1).out.endswith("ready -> wait  [ada]: for Ø\n")


def test_somebody_whom_the_system_does_not_know(applied, shell):
    python = (
        "import os, pwd, asimov.cli.production as p; "
        "pwd.getpwuid = {}.__getitem__; "
        "from asimov.cli import main; main()"
    )
    ran = shell(
        f'env -u HOME -u USER -u LOGNAME -u LNAME -u USERNAME -u XDG_CONFIG_HOME '
        f'"$(command -v python)" -c "{python}" production set s b -s wait',
        cwd=applied,
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "s/b: ready -> wait\n"), ran


@pytest.mark.parametrize("command", [["set", "-s", "wait"], ["show"]])
def test_typos_in_names(applied, asimov, command):
    what, *flags = command
    for names, said in (
        (["ss", "b"], "there is no subject 'ss'; did you mean 's'?"),
        (["s", "spectrm"], "s has no analysis 'spectrm'; did you mean 'spectrum'?"),
        (["s", "q"], "its analyses: spectrum, b"),
        (["project-analyses", "q"], "its analyses: none"),
        (["", ""], "there is no subject ''"),
    ):
        refused(asimov, applied, ["production", what, *names, *flags], said)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("canceled", "there is no state 'canceled'; did you mean 'cancelled'?"),
        ("xyz", "the states are ready, wait, running"),
        ("", "there is no state ''"),
    ],
)
def test_a_typo_in_the_state(applied, asimov, status, said):
    refused(asimov, applied, ["production", "set", "s", "b", "-s", status], said)


def test_show_tells_all_of_it(applied, asimov):
    before = state(applied)
    told = json.loads(asimov("production", "show", "s", "spectrum", "--json").out)
    assert told["needs"] == ["s/b"]
    assert told["waiting_for"] == ["b is ready"]
    assert told["run_directory"] == str(applied / "working/s/spectrum")
    assert told["attempts"] == []
    assert told["settings"]["x"] == 1
    assert "kind: simple\n" in asimov("production", "show", "s", "spectrum").out
    assert state(applied) == before


def test_a_mistyped_subcommand(applied, asimov):
    is_clear(asimov("production", "shwo", "s", "b"), "'shwo'", "'show'", code=2)


def test_a_job_whose_scheduler_is_gone_for_good_is_given_up_by_a_person(
    project, asimov, blueprint, monkeypatch
):
    from asimov.scheduler import Unknown
    from asimov.scheduler.local import LocalScheduler

    text = (
        "{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, pipeline: "
        "simpletestpipeline, seconds: 1000}\n"
    )
    assert asimov("apply", "-f", blueprint(text)).code == 0
    assert asimov("monitor", "--chain").code == 0
    monkeypatch.setattr(
        LocalScheduler,
        "observe",
        lambda self, tickets: {each.uid: Unknown("the schedd is away") for each in tickets},
    )
    assert asimov("monitor").code == 5
    assert "--lost" in asimov("why", "s", "a").out
    refused = asimov("production", "set", "s", "a", "--status", "finished")
    assert refused.code == 1
    assert asimov("production", "set", "s", "a", "--lost", "--status", "restart").code == 0
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert "restart -> ready" in asimov("monitor").out
    attempts = json.loads(asimov("production", "show", "s", "a", "--json").out)["attempts"]
    assert [(each["state"], each["how"]) for each in attempts] == [
        ("ended", "set to restart: its job is lost")
    ]
