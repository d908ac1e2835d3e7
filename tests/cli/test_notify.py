"""``asimov notify``, and how other commands show notifications that don't get through."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing

import pytest

from asimov.engine.notifications import outbox
from asimov.journal.deliveries import Deliveries
from asimov.journal.journal import Journal
from tests.refusals import refused


@pytest.fixture
def update(project, asimov):
    """Set options of rules: ``update(r={"command": "true"})``."""

    def change(**rules):
        for name, options in rules.items():
            for key, value in options.items():
                ran = asimov("configuration", "update", f"notify {name}/{key}", value)
                assert ran.code == 0, ran

    return change


def test_without_rules_there_is_nothing_to_show_or_to_try(project, asimov):
    for command in ("list", "test"):
        ran = asimov("notify", command)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("There are no rules; the page 'Notifications'")
        assert json.loads(asimov("notify", command, "--json").out) == []


def test_a_test_message_goes_out_by_every_rule_and_each_answer_is_shown(project, asimov, update):
    update(good={"command": "sh -c 'cat > sent'"}, bad={"webhook": "http://127.0.0.1:1/x"})
    ran = asimov("notify", "test")
    assert (ran.code, ran.out) == (1, "good: delivered\nbad: Connection refused\n")
    assert ran.err == "error: 1 of 2 test messages did not get through\n"
    assert json.loads((project / "sent").read_text())["type"] == "notification.test"
    ran = asimov("notify", "test", "good", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == [{"rule": "good", "delivered": True, "failure": None}]
    refused(asimov, project, ["notify", "test", "god"], "no rule 'god'; did you mean 'good'?")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("notify r/state", "stuck", "'state' is not an option of a rule; did you mean 'states'?"),
        ("notify r/states", "fnished", "no state 'fnished'; did you mean 'finished'?"),
        ("notify r/webhook", "example.org", "should be an address such as https://"),
        ("notify r/secret", "x", "a secret does not belong in the configuration"),
        ("notify a b/email", "x", "'a b' is not a name for a rule"),
    ],
)
def test_an_option_that_can_not_be_meant_is_not_set(project, asimov, option, value, said):
    refused(asimov, project, ["configuration", "update", option, value], said)


def test_an_option_that_its_rule_can_not_have_is_not_set(project, asimov, update):
    update(ok={"command": "true", "states": "stuck"})
    for option, value, said in (
        ("webhook", "https://example.org/x", "can't be combined"),
        ("secret file", "key", "works only for webhooks"),
    ):
        refused(asimov, project, ["configuration", "update", f"notify ok/{option}", value], said)
    assert asimov("configuration", "update", "notify later/format", "slack").code == 0
    refused(asimov, project, ["configuration", "update", "notify later/webhook",
                              "https://example.org/x"], "is a secret")  # fmt: skip


def test_a_rule_that_can_not_be_used_is_warned_of_and_stops_nothing(
    project, asimov, update, blueprint
):
    update(r={"states": "stuck"})
    made = blueprint("{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, "
                     "pipeline: command}")  # fmt: skip
    assert asimov("apply", "-f", made).code == 0
    said = (
        "warning: notifications: configuration: notify r: does not say how to notify: set one of "
    )
    for command in (["status"], ["status", "--json"], ["monitor"]):
        ran = asimov(*command)
        assert ran.code == 0
        assert said in ran.err
    ran = asimov("notify", "list")
    assert ran.err.startswith("warning: configuration: notify r: does not say how to notify")
    assert asimov("notify", "test").out.startswith("r: configuration: notify r: does not say how")


def test_messages_that_keep_failing_are_shown(project, asimov, update, blueprint, monkeypatch):
    monkeypatch.setattr(outbox, "start_sender", lambda project: None)
    update(chat={"webhook": "http://127.0.0.1:1/x", "states": "stuck, wait", "analyses": "s"})
    made = blueprint("{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, "
                     "pipeline: command}")  # fmt: skip
    assert asimov("apply", "-f", made).code == 0
    assert asimov("monitor").code == 0
    assert asimov("production", "set", "s/a", "--status", "wait").code == 0
    with closing(Journal(project / ".asimov" / "journal.db")) as journal:
        box = Deliveries(journal)
        for _ in range(3):
            box.failed(box.batch("chat", 9), "the answer was 500", time.time() - 1, all_wait=True)
    (row,) = json.loads(asimov("notify", "list", "--json").out)
    assert (row["rule"], row["channel"]) == ("chat", "webhook")
    assert (row["target"], row["states"]) == ("http://127.0.0.1:1/x", ["stuck", "wait"])
    assert (row["queued"], row["tries"]) == (1, 3)
    assert "stuck, wait; s" in asimov("notify", "list").out
    said = (
        r"warning: notifications by 'chat' have failed for \ds, 1 wait: the answer was 500; "
        "see 'asimov notify list'"
    )
    for command in (["status"], ["status", "--json"], ["why", "s/a"], ["why", "s/a", "--json"]):
        assert re.search(said, asimov(*command).err)


def test_a_command_that_acts_has_it_delivered_by_a_process_of_its_own(
    project, asimov, update, blueprint
):
    update(r={"command": "sh -c 'cat > sent.new; mv sent.new sent'", "states": "wait"})
    made = blueprint("{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, "
                     "pipeline: command}")  # fmt: skip
    assert asimov("apply", "-f", made).code == 0
    assert asimov("monitor").code == 0
    assert asimov("production", "set", "s/a", "--status", "wait").code == 0
    end = time.monotonic() + 60
    while not (project / "sent").exists():
        assert time.monotonic() < end, (project / "logs" / "notifications.log").read_text()
        time.sleep(0.02)
    assert json.loads((project / "sent").read_text())["data"]["after"] == "wait"
    while json.loads(asimov("notify", "list", "--json").out)[0]["delivered"] != 1:
        assert time.monotonic() < end
