"""``asimov log``."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from asimov.project.workspace import Workspace
from asimov.system import clock
from tests.refusals import is_clear, refused

TEXT = (
    "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command}\n"
    "- {name: b, pipeline: command}\n---\nkind: subject\nname: t\n"
)


@pytest.fixture
def applied(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    assert asimov("production", "set", "s", "a", "-s", "wait", "--reason", "not yet").code == 0
    return project


def test_nothing_has_happened_in_a_new_project(project, asimov):
    assert asimov("log").out == "Nothing has happened yet\n"


def test_every_event_has_time_subject_change_actor_and_reason(applied, asimov):
    first, second, third = asimov("log").out.splitlines()
    assert first.endswith("  s/a  new -> ready  [apply]: added by asimov apply")
    assert second.endswith("  s/b  new -> ready  [apply]: added by asimov apply")
    assert "  s/a  ready -> wait  [" in third
    assert third.endswith("]: not yet")


def test_of_a_subject_of_one_analysis_and_the_last(applied, asimov):
    assert len(asimov("log", "s").out.splitlines()) == 3
    assert len(asimov("log", "s", "b").out.splitlines()) == 1
    assert "ready -> wait" in asimov("log", "s", "--last", "1").out
    assert asimov("log", "t").out == "Nothing has happened yet\n"


def test_json(applied, asimov):
    last = json.loads(asimov("log", "s", "a", "--json").out)[-1]
    assert (last["before"], last["after"], last["reason"]) == ("ready", "wait", "not yet")
    assert last["time"].endswith("Z")


def test_what_is_gone_from_the_ledger_still_has_its_log(applied, asimov):
    (applied / "ledger/subjects/s.yaml").unlink()
    assert len(asimov("log", "s", "a").out.splitlines()) == 2


def test_typos(applied, asimov):
    refused(asimov, applied, ["log", "ss"], "there is no subject 'ss'; did you mean 's'?")
    refused(asimov, applied, ["log", "s", "aa"], "s has no analysis 'aa'; did you mean 'a'?")
    is_clear(asimov("log", "--last", "0"), "Invalid value for '--last'", code=2)


def test_details_are_shown_below_their_event(applied, asimov):
    workspace = Workspace.open(applied)
    workspace.journal.note(("s", "a"), "monitor", "failed", "node b failed", "one\n  two")
    workspace.journal.close()
    lines = asimov("log", "s", "a").out.splitlines()
    assert lines[-3].endswith("  s/a  failed  [monitor]: node b failed")
    assert lines[-2:] == ["    one", "      two"]
    last = json.loads(asimov("log", "s", "a", "--json").out)[-1]
    assert last["details"] == "one\n  two"


def test_since_a_time_and_of_those_in_a_state(applied, asimov):
    with clock.replaced(lambda: time.time() + 3 * 86400):
        assert asimov("log", "--since", "yesterday").out == "Nothing has happened since then\n"
        assert asimov("production", "set", "s/b", "-s", "stuck").code == 0
        (line,) = asimov("log", "--since", "2d").out.splitlines()
        assert "  s/b  ready -> stuck" in line
        assert json.loads(asimov("log", "s/a", "--since", "2d", "--json").out) == []
    assert len(asimov("log", "--state", "wait").out.splitlines()) == 2
    assert len(asimov("log", "*/b", "--state", "stuck").out.splitlines()) == 2
    assert asimov("log", "--state", "running").out == "Nothing has happened yet\n"


def test_following_shows_what_happens(applied, asimov):
    is_clear(asimov("log", "-f", "--json"), "can't be combined", code=2)
    command = [sys.executable, "-m", "asimov", "log", "*/a", "--follow", "--last", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=applied) as following:
        try:
            assert "  s/a  ready -> wait  " in following.stdout.readline()
            assert asimov("production", "set", "s/b", "-s", "wait").code == 0
            assert asimov("production", "set", "s/a", "-s", "ready").code == 0
            assert "  s/a  wait -> ready  " in following.stdout.readline()
        finally:
            following.terminate()
