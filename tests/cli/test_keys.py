"""``asimov manage key``."""

from __future__ import annotations

import json
import re

from asimov.journal.access_keys import AccessKeys, matching
from asimov.project.workspace import Workspace


def added(asimov, *options):
    ran = asimov("manage", "key", "--add", *options)
    assert ran.code == 0, ran
    found = re.fullmatch(r"Key added: ([A-Za-z0-9][\w-]{42})\n", ran.out)
    assert found, ran
    return found[1]


def test_a_key_is_shown_once_and_only_its_hash_is_kept(project, asimov):
    key = added(asimov, "dashboard", "--read-only", "--rate", "60")
    shown = json.loads(asimov("manage", "key", "--list", "--json").out)
    assert [each.pop("made")[-1] for each in shown] == ["Z"]
    assert shown[0].pop("owner")
    assert shown == [
        {"name": "dashboard", "start": key[:8], "read_only": True, "rate": 60, "used": None,
         "revoked": None}
    ]  # fmt: skip
    workspace = Workspace.open(project)
    workspace.journal.close()
    for file in (project / ".asimov").iterdir():
        assert key.encode() not in file.read_bytes()
    listed = asimov("manage", "key", "--list").out
    assert "dashboard" in listed and key[:8] in listed and key not in listed


def test_keys_are_listed_as_platipy_does(project, asimov):
    key, old = added(asimov, "a"), added(asimov, "b")
    assert asimov("manage", "key", "--revoke", "b").out == "b: revoked\n"
    ran = asimov("manage", "key", "--list", "--format", "platipy")
    assert ran.out == f"a: {key[:8]} (Admin: False)\n"
    known = AccessKeys(Workspace.open(project).journal).all()
    assert matching(known, key).name == "a"
    assert matching(known, old) is None
    assert matching(known, "") is None


def test_mistakes_are_reported_in_one_line(project, asimov):
    added(asimov, "a")
    for options, code, said in [
        (["--add", "a"], 1, "the name 'a' has already been used for a key"),
        (["--add", "a b"], 1, "'a b' can't be the name of a key"),
        (["--add", ""], 1, "'' can't be the name of a key"),
        (["--revoke", "aa"], 1, "there is no key 'aa'; did you mean 'a'?"),
        ([], 2, "give one of --add NAME, --revoke NAME and --list"),
        (["--list", "--revoke", "a"], 2, "give one of"),
        (["--list", "--read-only"], 2, "--read-only and --rate need --add"),
    ]:
        ran = asimov("manage", "key", *options)
        assert (ran.code, said in ran.err) == (code, True), ran
    assert asimov("manage", "key", "--revoke", "a").code == 0
    assert asimov("manage", "key", "--revoke", "a").out == "a: was revoked before\n"
    assert asimov("manage", "key", "--add", "a").code == 1  # the log names one key by it


def test_without_keys_the_list_says_how_to_add_one(project, asimov):
    assert "asimov manage key --add NAME" in asimov("manage", "key", "--list").out
