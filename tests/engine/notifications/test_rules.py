"""`asimov.engine.notifications.rules`."""

from __future__ import annotations

from configparser import ConfigParser

import pytest

from asimov.engine.notifications.rules import Rules, Source, rules_of
from asimov.journal.keys import Key


def read(**options: str) -> Rules:
    config = ConfigParser(interpolation=None)
    config.read_dict({"notify r": {key.replace("_", " "): each for key, each in options.items()}})
    return rules_of(config)


def test_a_rule_says_whom_to_notify_and_of_what():
    rule = read(
        email="ada@example.org, grace", states="stuck,finished", analyses="sun*/a?, moon",
        labels="published",
    ).usable["r"]  # fmt: skip
    assert (rule.channel, rule.target) == ("email", "ada@example.org, grace")
    changes = [
        (Key("sunspots", "a1"), "stuck"), (Key("moon", "x"), "finished"),
        (Key("sunspots", "b1"), "stuck"), (Key("moon", "x"), "running"),
        (Key("moons", "x"), "stuck"),
    ]  # fmt: skip
    assert [rule.fits(*each, ["published"]) for each in changes] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert not rule.fits(*changes[0], ["other"])


def test_a_rule_without_conditions_is_about_everything():
    assert read(command="true").usable["r"].fits(Key("s", "a"), "running", [])


def test_what_is_secret_is_named_and_not_shown():
    rule = read(webhook_file="~/hook", format="slack").usable["r"]
    assert (rule.webhook, rule.channel) == (Source("file", "~/hook"), "slack")
    assert rule.target == "the address in the file ~/hook"
    assert read(webhook="http://h/x", secret_variable="KEY").usable["r"].secret == Source(
        "variable", "KEY"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "does not say how to notify: set one of 'webhook', "),
        ({"emails": "a"}, "'emails' is not an option of a rule; did you mean 'email'?"),
        ({"email": "a", "states": "stuk"}, "there is no state 'stuk'; did you mean 'stuck'?"),
        (
            {"email": "a", "command": "b"},
            "notify r/command: 'email' and 'command' can't be combined",
        ),
        ({"email": "a b"}, "'a b' is not an e-mail address"),
        ({"email": "-oQ/tmp"}, "'-oQ/tmp' is not an e-mail address"),
        ({"email": "a", "secret": "x"}, "a secret does not belong in the configuration; 'secret"),
        ({"webhook": "ftp://h/x"}, "should be an address such as https://"),
        ({"webhook": "http://h:port/"}, "should be an address such as https://"),
        ({"webhook": "https://ada:word@h/"}, "an address with a password is a secret"),
        ({"webhook": "https://h/", "format": "slak"}, ", not 'slak'; did you mean 'slack'?"),
        ({"webhook": "https://h/", "format": "slack"}, "is a secret, which does not belong in"),
        ({"webhook variable": "a-b"}, "should be the name of a variable, not 'a-b'"),
        ({"webhook file": "f", "webhook variable": "V"}, "can't be combined"),
        ({"webhook file": "f", "format": "slack", "secret file": "s"}, "slack are not signed"),
        ({"email": "a", "format": "slack"}, "notify r/format: works only for webhooks"),
        ({"command": "sh -c 'x"}, "can't be split into words: No closing quotation"),
        ({"command": " "}, "should be one line of text, not ' '"),
        (
            {"labels": "quality >= 3", "email": "a"},
            "a rule takes the names of labels, without comparisons",
        ),
        ({"labels": "a\x1b[2J", "email": "a"}, r", not 'a\x1b[2J'"),
    ],
)
def test_a_rule_that_can_not_be_meant_is_left_out_and_explained_in_a_line(options, said):
    rules = read(**options)
    assert rules.usable == {}
    fault = str(rules.faults["r"])
    assert fault.startswith("configuration: notify r")
    assert said in fault
    assert "\n" not in fault
    assert "\x1b" not in fault


def test_a_state_that_resembles_none_may_be_a_package_s():
    assert read(email="a", states="inspection").usable["r"].states == ("inspection",)


def test_a_rule_s_name_is_plain():
    config = ConfigParser()
    config.read_dict({"notify a b": {"email": "a"}})
    assert "'a b' is not a name for a rule" in str(rules_of(config).faults["a b"])
