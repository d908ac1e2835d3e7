"""The settings ``holds``: defaults, what may be set, and what is refused."""

from __future__ import annotations

import re

import pytest

from asimov.errors import AsimovError
from asimov.ledger import hold_policy
from asimov.ledger.hold_policy import Remedy, megabytes, read, size_text


def test_defaults():
    assert read(None) == read({}) == hold_policy.DEFAULTS
    assert read(None)["transient"] == Remedy("release", times=3, pause=300)
    assert {name for name, each in read(None).items() if each.action == "raise"} == {
        "memory", "disk",
    }  # fmt: skip


def test_what_is_set_is_laid_over_the_defaults_of_its_class():
    told = read({
        "memory": {"factor": 2, "up to": "64 GB", "times": 5},
        "disk": "stuck",
        "transient": {"pause": 0},
        "input": {"action": "release", "times": 1},
        "user": None,
    })  # fmt: skip
    assert told["memory"] == Remedy("raise", 5, 0, 2, 65536)
    assert told["disk"].action == "stuck"
    assert told["transient"] == Remedy("release", 3, 0)
    assert told["input"] == Remedy("release", 1, 300)
    assert told["user"] == Remedy("stuck")


def test_memory_that_is_only_released_is_not_released_at_once():
    assert read({"memory": "release"})["memory"] == Remedy("release", 3, 300)


@pytest.mark.parametrize(
    ("settings", "said", "path"),
    [
        ("stuck", "should be a mapping of classes", []),
        (
            {"memroy": "stuck"},
            "'memroy' is not a class of holds; did you mean 'memory'?",
            ["memroy"],
        ),
        ({7: "stuck"}, "7 is not a class of holds; there are transient", [7]),
        ({"memory": "rais"}, ", not 'rais'; did you mean 'raise'?", ["memory"]),
        ({"memory": 5}, "should be 'release', 'raise', 'stuck', or a mapping", ["memory"]),
        ({"user": "raise"}, "there is nothing to raise", ["user"]),
        ({"user": {"action": "raise"}}, "there is nothing to raise", ["user", "action"]),
        ({"disk": {"action": 1}}, ", not 1", ["disk", "action"]),
        ({"disk": {"upto": "1 GB"}}, "did you mean 'up to'?", ["disk", "upto"]),
        ({"disk": {"up to": 64}}, "a size such as '64 GB', not 64", ["disk", "up to"]),
        ({"disk": {"up to": "64 pounds"}}, "a size such as '64 GB'", ["disk", "up to"]),
        ({"disk": {"times": 1.5}}, "a whole number from 0 to 10000, not 1.5", ["disk", "times"]),
        (
            {"disk": {"times": True}},
            "a whole number from 0 to 10000, not True",
            ["disk", "times"],
        ),
        ({"disk": {"times": 20000}}, "from 0 to 10000, not 20000", ["disk", "times"]),
        ({"disk": {"times": -1}}, "a whole number from 0 to 10000", ["disk", "times"]),
        ({"disk": {"factor": 1}}, "a number above 1, not 1", ["disk", "factor"]),
        ({"disk": {"factor": "2"}}, "a number above 1, not '2'", ["disk", "factor"]),
        ({"disk": {"factor": float("inf")}}, "a number above 1", ["disk", "factor"]),
        ({"disk": {"pause": -5}}, "a number of seconds, at least 0", ["disk", "pause"]),
        ({"disk": {"pause": float("nan")}}, "a number of seconds, at least 0", ["disk", "pause"]),
    ],
)
def test_what_is_wrong_is_told_with_the_keys_that_lead_there(settings, said, path):
    message, where = hold_policy.fault(settings)
    assert said in message
    assert where == path
    with pytest.raises(AsimovError, match=re.escape(": ".join(["holds", *map(str, path)]))):
        read(settings)


@pytest.mark.parametrize(
    ("text", "mb"), [("64 GB", 65536), ("512M", 512), ("1.5 GiB", 1536), ("2 tb", 2 * 1024**2)]
)
def test_sizes(text, mb):
    assert megabytes(text) == mb
    assert megabytes(size_text(mb)) == mb


@pytest.mark.parametrize(
    ("text", "place", "key"),
    [
        (
            "kind: configuration\nholds:\n  memory:\n    factr: 2\n",
            ":4:",
            "holds: memory: factr: 'factr' is not a key of this mapping; did you mean 'factor'?",
        ),
        (
            "kind: configuration\npipelines:\n  command:\n    holds:\n      disk: {times: no}\n",
            ":5:", "pipelines: command: holds: disk: times: should be a whole number",
        ),
        ("kind: subject\nname: t\nholds:\n  memry: stuck\n", ":4:", "holds: memry: 'memry'"),
        (
            "kind: subject\nname: t\nanalyses:\n- name: a\n  pipeline: command\n"
            "  holds: {user: raise}\n",
            ":6:", "holds: user: there is nothing to raise",
        ),
        (
            "kind: subject\nname: t\n---\nkind: analysis\nname: a\nsubject: t\npipeline: command\n"
            "holds: stuck\n",
            ":8:", "holds: should be a mapping, not text",
        ),
        (
            "kind: configuration\nmax resurrections: two\n",
            ":2:", "max resurrections: should be a whole number of at least 0, not 'two'",
        ),
        (
            "kind: configuration\npipelines:\n  command: {resurrection pause: -1}\n",
            ":3:", "resurrection pause: should be a number of seconds, at least 0, not -1",
        ),
    ],
)  # fmt: skip
def test_apply_refuses_a_wrong_policy_with_its_place(project, asimov, blueprint, text, place, key):
    ran = asimov("apply", "-f", blueprint(text))
    assert ran.code == 1
    assert place in ran.err
    assert key in ran.err
    assert not (project / "ledger/subjects/t.yaml").exists()


def test_a_wrong_policy_that_was_written_by_hand_is_told_with_its_file(project, asimov, blueprint):
    text = "kind: subject\nname: t\nholds: {memory: stuck}\n"
    assert asimov("apply", "-f", blueprint(text)).code == 0
    path = project / "ledger/subjects/t.yaml"
    path.write_text(path.read_text().replace("stuck", "stick"))
    ran = asimov("status")
    assert "t.yaml" in ran.out + ran.err
    assert "did you mean 'stuck'?" in ran.out + ran.err


def test_a_setting_that_is_nearly_one_of_failures_is_refused(project, asimov, blueprint):
    text = (
        "kind: subject\nname: t\n---\nkind: analysis\nname: a\nsubject: t\npipeline: command\n"
        "executable: ls\noutputs: {x: y}\nmax resurections: 2\n"
    )
    ran = asimov("apply", "-f", blueprint(text))
    assert ran.code == 1
    assert "did you mean 'max resurrections'?" in ran.err
