"""Notifications reach real receivers at least once, and hold nothing up, whatever these do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from contextlib import closing

import pytest
from cloudevents.v1.http import from_http

from asimov.configuration import PROJECT_FILE, update_file
from asimov.engine.notifications import channels, outbox, sender
from asimov.engine.notifications.overview import notification_warnings, overview
from asimov.journal.deliveries import Deliveries
from asimov.journal.journal import Journal
from asimov.project.layout import find
from asimov.project.workspace import Workspace
from asimov.testing.clock import Clock
from tests import preloaded
from tests.engine.notifications.receiver import receiving

start_sender = outbox.start_sender
#: Delivers, in the folder that follows.
SENDER = "import sys; from asimov.engine.notifications.sender import main; main(sys.argv[1])"


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def started(monkeypatch):
    """Do not start the process that delivers: the test delivers; return how often it would be."""
    starts = []
    monkeypatch.setattr(outbox, "start_sender", starts.append)
    return starts


@pytest.fixture
def analysis(project, asimov, blueprint, started):
    """Make the analysis s/a, and set its state by a real command."""
    made = blueprint(
        "{kind: subject, name: s}\n---\n"
        "{kind: analysis, subject: s, name: a, pipeline: command, labels: [good]}\n"
        "---\n{kind: analysis, subject: s, name: b, pipeline: command}\n"
    )
    assert asimov("apply", "-f", made).code == 0

    def become(state, name="a"):
        ran = asimov("production", "set", f"s/{name}", "--status", state)
        assert ran.code == 0, ran

    return become


def rule(project, name="r", **options):
    values = {(f"notify {name}", key.replace("_", " ")): each for key, each in options.items()}
    update_file(project / PROJECT_FILE, values)


def begin(project):
    """Let a command act, with which rules begin to count."""
    with closing(Workspace.open(project).journal) as journal:
        Deliveries(journal).have_looked_at(Deliveries(journal).last_event())


def send(project):
    sender.send(find(project), patience=0)


def shown(project):
    opened = Workspace.open(project, reading=True)
    with closing(opened.journal):
        return {row.rule: row for row in overview(opened)}, notification_warnings(opened)


def states(receiver):
    return [json.loads(each.body)["data"]["after"] for each in receiver.requests]


def test_a_change_is_posted_as_a_signed_cloudevent_once(project, analysis, receiver, started):
    (project / "key").write_text("a secret of mine\n")
    rule(project, webhook=receiver.url(), secret_file="key", states="stuck")
    begin(project)
    analysis("wait")
    analysis("stuck")
    assert started, "a command that acts has it delivered"
    send(project)
    send(project)
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    event = from_http(request.headers, request.body)
    assert event["subject"] == "s/a"
    assert (event.data["before"], event.data["after"]) == ("wait", "stuck")
    assert event.data["labels"] == ["good"]
    stamp = request.headers["webhook-timestamp"]
    signed = f"{event['id']}.{stamp}.".encode() + request.body
    wanted = hmac.new(b"a secret of mine", signed, hashlib.sha256).digest()
    given = request.headers["webhook-signature"].removeprefix("v1,")
    assert hmac.compare_digest(base64.b64decode(given), wanted)
    row = shown(project)[0]["r"]
    assert (row.queued, row.delivered, row.failure) == (0, 1, None)


def test_rules_choose_by_state_pattern_and_label(project, analysis, receiver):
    rule(project, "labelled", webhook=receiver.url("/label"), labels="good, other")
    rule(project, "pattern", webhook=receiver.url("/pattern"), analyses="t, s/[b-z]")
    rule(project, "state", webhook=receiver.url("/state"), states="manual")
    begin(project)
    analysis("manual", "a")
    analysis("wait", "b")
    send(project)
    found = [(r.path, json.loads(r.body)["subject"]) for r in receiver.requests]
    assert sorted(found) == [("/label", "s/a"), ("/pattern", "s/b"), ("/state", "s/a")]


def test_the_first_rule_begins_with_what_happens_next(project, analysis, receiver):
    analysis("wait")
    rule(project, webhook=receiver.url())
    analysis("manual")
    send(project)
    assert states(receiver) == ["manual"]
    update_file(project / PROJECT_FILE, {})
    (project / PROJECT_FILE).write_text(
        (project / PROJECT_FILE).read_text().replace("[notify r]", "[notified r]")
    )
    analysis("stuck")
    rule(project, webhook=receiver.url())
    analysis("wait")
    send(project)
    assert states(receiver) == ["manual", "wait"]


@pytest.mark.parametrize("answer", [500, 302, 429, "drop"])
def test_what_is_not_taken_is_tried_again_later_and_later(project, analysis, receiver, answer):
    rule(project, webhook=receiver.url())
    begin(project)
    analysis("stuck")
    receiver.answers = [answer] * 4
    with Clock().in_control() as clock:
        for wait in (0, 5, 10, 20):
            clock.advance(wait - 1)
            send(project)  # too early
            clock.advance(2)
            send(project)
        assert len(receiver.requests) == 4
        row, (warning,) = shown(project)[0]["r"], shown(project)[1]
        assert (row.queued, row.tries) == (1, 4)
        assert warning.startswith("notifications by 'r' have failed for ")
        assert row.failure in warning
        clock.advance(41)
        send(project)
    assert {each.headers["webhook-id"] for each in receiver.requests} == {
        receiver.requests[0].headers["webhook-id"]
    }
    assert [each.path for each in receiver.requests] == ["/hook"] * 5, "no redirect is followed"
    row, warnings = shown(project)[0]["r"], shown(project)[1]
    assert (row.queued, row.delivered, warnings) == (0, 1, [])


def test_a_receiver_that_is_down_is_tried_once_and_not_for_each_message(
    project, analysis, receiver
):
    rule(project, webhook=receiver.url())
    begin(project)
    for state in ("wait", "manual", "stuck"):
        analysis(state)
    receiver.answers = [503]
    send(project)
    assert len(receiver.requests) == 1
    with Clock(time.time() + 10).in_control():
        send(project)
    assert states(receiver) == ["wait", "wait", "manual", "stuck"], "in their order"


def test_a_message_that_is_refused_holds_up_no_other(project, analysis, receiver):
    rule(project, webhook=receiver.url())
    begin(project)
    for state in ("wait", "manual"):
        analysis(state)
    receiver.answers = [400]
    send(project)
    assert states(receiver) == ["wait", "manual"]
    assert shown(project)[0]["r"].queued == 1


def test_a_receiver_that_hangs_holds_up_no_other_and_is_left_in_time(
    project, analysis, receiver, monkeypatch
):
    monkeypatch.setattr(channels, "ANSWER", 60)
    monkeypatch.setattr(sender, "LIMIT", 0.3)
    receiver.answers = ["hang"]
    rule(project, "a", webhook=receiver.url("/a"))
    begin(project)
    analysis("stuck")
    send(project)
    assert shown(project)[0]["a"].failure == "it took longer than 0.3 s"
    assert receiver.arrived.acquire(timeout=120)
    with Clock(time.time() + 10).in_control():
        receiver.answers = ["hang"]
        rule(project, "b", webhook=receiver.url("/b"))
        analysis("wait")
        send(project)
    for _ in ("/a", "/b"):  # on a busy machine they may arrive after that
        assert receiver.arrived.acquire(timeout=120)
    assert sorted(each.path for each in receiver.requests) == ["/a", "/a", "/b"]


def test_a_receiver_whose_answer_does_not_end_has_taken_the_message(
    project, analysis, receiver, monkeypatch
):
    monkeypatch.setattr(sender, "LIMIT", 120)
    receiver.answers = ["drip"]
    rule(project, webhook=receiver.url())
    begin(project)
    analysis("stuck")
    send(project)
    row = shown(project)[0]["r"]
    assert (row.delivered, row.queued, row.failure) == (1, 0, None)


def test_a_test_message_has_the_time_limit_of_others(project, receiver, asimov, monkeypatch):
    receiver.answers = ["drip headers"]
    rule(project, webhook=receiver.url())
    with monkeypatch.context() as patched:
        patched.setattr(sender, "LIMIT", 0.5)
        ran = asimov("notify", "test")
    assert (ran.code, ran.out) == (1, "r: it took longer than 0.5 s\n")
    assert asimov("notify", "test").code == 0


def test_a_receiver_that_does_not_answer_is_reported(project, analysis, receiver, monkeypatch):
    monkeypatch.setattr(channels, "ANSWER", 0.2)
    receiver.answers = ["hang"]
    rule(project, webhook=receiver.url())
    begin(project)
    analysis("stuck")
    send(project)
    assert shown(project)[0]["r"].failure == "no answer within 0.2 s"


def test_a_pass_does_not_wait_for_a_receiver(project, analysis, receiver, asimov, monkeypatch):
    monkeypatch.setattr(outbox, "start_sender", start_sender)
    receiver.answers = ["hang"]
    rule(project, webhook=receiver.url(), states="ready")
    begin(project)
    analysis("wait")
    analysis("ready")  # starts the process, whose receiver hangs from now on
    assert receiver.arrived.acquire(timeout=120)
    assert asimov("monitor").code == 0
    row = shown(project)[0]["r"]
    assert (row.queued, row.tries) == (1, 0), "neither delivered nor given up meanwhile"
    receiver.released.set()


def test_a_sender_that_is_killed_before_it_records_delivers_again(project, analysis):
    # The command takes the message, and then kills the process that would record that.
    (project / "take").write_text(
        "cat >> taken; echo >> taken\n[ -e killed ] || { touch killed; kill -9 $PPID; }\n"
    )
    rule(project, command="sh take", states="stuck")
    begin(project)
    analysis("stuck")
    assert preloaded.run(SENDER, project, cwd=project).returncode == -9
    assert shown(project)[0]["r"].queued == 1, "it is not known to be delivered"
    assert preloaded.run(SENDER, project, cwd=project).returncode == 0
    first, second = map(json.loads, (project / "taken").read_text().splitlines())
    assert first == second, "a receiver knows by the identity that it is the same"
    row = shown(project)[0]["r"]
    assert (row.queued, row.delivered) == (0, 1)


def test_a_command_killed_after_its_change_is_made_up_for_by_the_next(
    project, analysis, receiver, monkeypatch
):
    rule(project, webhook=receiver.url())
    begin(project)
    with monkeypatch.context() as patched:  # what a kill leaves: the change, and nothing queued
        patched.setattr(outbox, "catch_up", lambda workspace: None)
        analysis("wait")
    analysis("manual")
    send(project)
    assert states(receiver) == ["wait", "manual"]


def test_mail_goes_through_the_local_sendmail_many_changes_in_one(
    project, analysis, tmp_path, monkeypatch
):
    programs = tmp_path / "bin"
    programs.mkdir()
    sent = tmp_path / "sent"
    (programs / "sendmail").write_text(f'#!/bin/sh\n(echo "$@"; cat) >> {sent}\n')
    (programs / "sendmail").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    rule(project, email="ada@example.org")
    begin(project)
    for state in ("wait", "manual"):
        analysis(state)
    send(project)
    said = sent.read_text()
    assert said.startswith("-i -t\nTo: ada@example.org\nSubject: [Test project] s/a is wait and 1 ")
    assert "\ns/a is wait\ns/a is manual\n" in said
    assert said.count("To: ") == 1


def test_a_command_that_fails_is_reported_with_its_last_line(project, analysis):
    (project / "tell").write_text("echo no\nprintf 'no \\033[2J such chat'\nexit 3\n")
    rule(project, command="sh tell")
    begin(project)
    analysis("stuck")
    send(project)
    assert shown(project)[0]["r"].failure == r"sh ended with exit code 3: no \x1b[2J such chat"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"webhook_file": "none"}, "none can't be read: No such file or directory"),
        ({"webhook_variable": "NO_SUCH"}, "the variable NO_SUCH is empty, or not set"),
        ({"webhook": "http://127.0.0.1:1/", "secret_file": "."}, ". can't be read: Is a directory"),
        ({"webhook": "http://127.0.0.1:1/"}, "Connection refused"),
        ({"command": "./none"}, "./none can't be run: No such file or directory"),
    ],
)
def test_what_is_missing_is_reported_and_nothing_is_lost(project, analysis, options, said):
    rule(project, **options)
    begin(project)
    analysis("stuck")
    send(project)
    row = shown(project)[0]["r"]
    assert (row.queued, row.failure) == (1, said)


def test_an_address_that_is_secret_shows_nowhere(project, analysis, monkeypatch, asimov):
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/services/T0000/B0000")
    rule(project, webhook_variable="HOOK", format="slack")
    begin(project)
    analysis("stuck")
    send(project)
    listed = asimov("notify", "list", "--json")
    assert json.loads(listed.out)[0]["failure"] == "Connection refused"
    assert "T0000" not in listed.out
    assert b"T0000" not in (project / ".asimov" / "journal.db").read_bytes()


def test_after_three_days_a_message_is_given_up_and_the_log_says_so(
    project, analysis, receiver, asimov
):
    rule(project, webhook=receiver.url())
    begin(project)
    analysis("stuck")
    receiver.answers = [500] * 10
    with Clock(time.time() + 4 * 86400).in_control() as clock:
        for _ in range(11):
            send(project)
            clock.advance(3600)
        row, (warning,) = shown(project)[0]["r"], shown(project)[1]
    assert len(receiver.requests) == 10
    assert (row.queued, row.given_up) == (0, 1)
    assert "'r' failed, 1 given up: the answer was 500" in warning
    assert "'r' was not notified that it is stuck: the answer was 500" in asimov("log", "s/a").out


def test_what_is_new_is_not_given_up_with_the_old_that_it_would_go_with(
    project, analysis, tmp_path, monkeypatch
):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sendmail").write_text("#!/bin/sh\nexit 75\n")
    (programs / "sendmail").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    rule(project, email="ada@example.org")
    begin(project)
    analysis("wait")
    with Clock(time.time() + 4 * 86400).in_control() as clock:
        for _ in range(9):
            send(project)
            clock.advance(3600)
        analysis("manual")
        send(project)
        row = shown(project)[0]["r"]
        assert (row.given_up, row.queued) == (1, 1)
        clock.advance(3600)
        (programs / "sendmail").write_text(f"#!/bin/sh\ncat > {tmp_path}/sent\n")
        send(project)
    assert "s/a is manual" in (tmp_path / "sent").read_text()


def test_messages_of_a_rule_that_is_gone_are_given_up(project, analysis):
    rule(project, webhook="http://127.0.0.1:1/")
    begin(project)
    analysis("stuck")
    path = project / PROJECT_FILE
    path.write_text(path.read_text().replace("[notify r]", "[notify other]"))
    send(project)
    with closing(Journal(project / ".asimov" / "journal.db")) as journal:
        standing = Deliveries(journal).standings()["r"]
    assert (standing.queued, standing.given_up) == (0, 1)
    assert shown(project)[1] == [], "nobody wants them"


def test_messages_wait_while_their_rule_is_being_mended(project, analysis, receiver):
    rule(project, webhook=receiver.url())
    begin(project)
    analysis("stuck")
    rule(project, states="stuk")
    analysis("wait")  # nobody knows yet whether this is wanted
    analysis("stuck")
    send(project)
    row, (warning,) = shown(project)[0]["r"], shown(project)[1]
    assert row.queued == 3
    assert "did you mean 'stuck'?" in warning
    rule(project, states="stuck")
    with Clock(time.time() + 3601).in_control():
        send(project)
    assert states(receiver) == ["stuck", "stuck"]
    assert shown(project)[0]["r"].queued == 0


def test_what_a_rule_is_not_about_any_more_is_not_sent(project, analysis, receiver):
    rule(project, webhook=receiver.url())
    begin(project)
    for state in ("wait", "manual", "stuck"):
        analysis(state)
    rule(project, states="stuck")
    send(project)
    assert states(receiver) == ["stuck"]


def test_the_queue_of_another_project_is_not_delivered_by_its_copy(project, analysis, asimov):
    rule(project, webhook="http://127.0.0.1:1/")
    begin(project)
    analysis("stuck")
    assert asimov("project", "copied", "--certain").code == 0
    with closing(Journal(project / ".asimov" / "journal.db")) as journal:
        assert Deliveries(journal).next_due() is None


def test_a_clock_that_was_ahead_delays_no_message_and_one_that_jumps_gives_none_up(
    project, analysis, receiver
):
    """A message is neither held for the years that the clock was wrong, nor given up after one."""
    rule(project, webhook=receiver.url())
    begin(project)
    now = time.time()
    with Clock(now + 400 * 86400).in_control():
        analysis("stuck")
    send(project)
    assert len(receiver.requests) == 1
    receiver.answers = [500]
    analysis("wait")
    with Clock(now + 4 * 86400).in_control():  # its first try
        send(project)
    assert shown(project)[0]["r"].given_up == 0
    send(project)
    assert shown(project)[0]["r"].delivered == 2
