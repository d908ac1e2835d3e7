"""`asimov.engine.notifications.messages`: what is sent is what receivers expect, and harmless."""

from __future__ import annotations

import email
import email.policy
import json
from configparser import ConfigParser

from cloudevents.v1.http import from_json

from asimov.engine.notifications import messages
from asimov.journal.deliveries import Change
from asimov.project.layout import Project

NASTY = "<!channel> & *bold* ``` @all \x1b[2J\u202egpj.exe\r\nBcc: x@example.org\ud800"


def event(tmp_path, reason="its job was held", **of_project):
    config = ConfigParser()
    config.read_dict({"project": {"name": "Sun", "id": "Sun-1", **of_project}})
    change = Change(7, 1000.5, "sunspots", "detrend", "monitor", "running", "stuck", reason)
    return messages.of_change(Project(tmp_path, config), change, pipeline="command", labels=["x"])


def test_a_change_is_a_cloudevent(tmp_path):
    read = from_json(messages.body(event(tmp_path)))
    assert read["specversion"] == "1.0"
    assert (read["source"], read["id"]) == ("asimov:Sun-1", "7-1000.500000")
    assert (read["type"], read["subject"]) == ("analysis.state.changed", "sunspots/detrend")
    assert read["time"] == "1970-01-01T00:16:40Z"
    assert read.data == {
        "project": "Sun", "subject": "sunspots", "name": "detrend", "before": "running",
        "after": "stuck", "actor": "monitor", "reason": "its job was held",
        "pipeline": "command", "labels": ["x"],
    }  # fmt: skip


def test_text_from_outside_stays_text_of_bounded_length(tmp_path):
    made = event(tmp_path, NASTY + "a" * 100_000)
    sent = messages.body(made)
    assert len(sent) < 3000
    assert made["data"]["reason"].startswith(
        r"<!channel> & *bold* ``` @all \x1b[2J\u202egpj.exe\r\nBcc: x@example.org\ud800aaa"
    )


def test_slack_and_mattermost_take_it_as_plain_text(tmp_path):
    made = event(tmp_path, NASTY)
    sent = json.loads(messages.slack([made]))
    assert sent["mrkdwn"] is False
    assert sent["text"].startswith("asimov, project Sun:\nsunspots/detrend is stuck: &lt;!channel")
    assert "<" not in sent["text"]
    text = json.loads(messages.mattermost([made]))["text"]
    assert text.startswith("```\nasimov, project Sun:\n")
    assert text.endswith("\n```")
    assert text.count("`") == 6


def test_a_mail_has_no_header_from_outside(tmp_path):
    made = event(tmp_path, NASTY, name="Sun\nBcc: y@example.org")
    sent = messages.mail([made, made], ["ada@example.org", "grace"])
    read = email.message_from_bytes(sent, policy=email.policy.default)
    assert read["To"] == "ada@example.org, grace"
    assert read["Subject"].startswith(r"[Sun\nBcc: y@example.org] sunspots/detrend is stuck: <!c")
    assert read["Subject"].endswith("and 1 more")
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Bcc"] is None
    assert read.get_content().count("sunspots/detrend is stuck") == 2
    again = messages.mail([made, made], ["ada@example.org", "grace"])
    assert email.message_from_bytes(again)["Message-ID"] == read["Message-ID"]


def test_the_signature_is_that_of_standard_webhooks():
    # What the package standardwebhooks 1.1.0 computes.
    made = messages.signature(
        b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        b'{"test": 2432232314}',
    )  # fmt: skip
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_is_plain_text_signs_as_its_bytes():
    plain = messages.signature(b"key", "1", 2, b"{}")
    assert plain == messages.signature(b"whsec_a2V5", "1", 2, b"{}")
