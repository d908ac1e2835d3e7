"""``event create``, ``production create``, and the commands that list stored results."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import yaml

from tests.refusals import is_clear, refused


def test_a_subject_and_an_analysis_without_a_file(project, asimov):
    ran = asimov("event", "create", "s", "--set", "data.rate=16", "--set", "colour=red")
    assert ran.code == 0, ran
    assert ran.out == "add    subject s\nDone: 1 added\n"
    assert asimov("event", "create", "-n", "t", "--repository", "../theirs").code == 0
    true = ("--set", "executable=/bin/true", "--set", "outputs={it: out}")
    assert asimov("production", "create", "s", "command", "first", *true).code == 0
    assert asimov("production", "create", "s", "command", *true, "--needs", "first").code == 0
    options = ("--status", "wait", "--comment", "why: 'so'", "-m", "a second one")
    ran = asimov("production", "create", "s", "command", *true, *options)
    assert "add    analysis s/Prod1\n" in ran.out
    document = yaml.safe_load(Path("ledger/subjects/s.yaml").read_text())
    assert document["data"] == {"rate": 16}
    assert [each["name"] for each in document["analyses"]] == ["first", "Prod0", "Prod1"]
    assert document["analyses"][1]["needs"] == ["first"]
    assert document["analyses"][2]["comment"] == "why: 'so'"
    assert yaml.safe_load(Path("ledger/subjects/t.yaml").read_text())["repository"] == "../theirs"
    (last,) = json.loads(asimov("ledger", "history", "--json", "--last", 1).out)
    assert last["reason"] == "a second one"
    assert last["command"].startswith("asimov production create s command")


def test_what_can_not_be_created(project, asimov):
    assert asimov("event", "create", "s").code == 0
    for words, said in (
        (["event", "create", "s"], "s is already in the ledger"),
        (["event", "create", "a b"], "can't be a name"),
        (["production", "create", "ss", "command"], "did you mean 's'?"),
        (["production", "create", "s", "comand"], "did you mean 'command'?"),
    ):
        refused(asimov, project, words, said)
    is_clear(asimov("event", "create", "t", "--set", "x"), "'x' is not KEY=VALUE", code=2)
    is_clear(asimov("event", "create"), "give exactly one name", code=2)


def test_a_slip_is_refused_and_force_takes_it(project, asimov):
    assert asimov("event", "create", "s").code == 0
    words = ["production", "create", "s", "command", "a", "--set", "exectable=/bin/true"]
    ran = refused(asimov, project, words, "did you mean 'executable'?", "use --force to keep it")
    assert ran.err.startswith("error: s/a (command): exectable: there is no such setting")
    assert asimov(*words, "--force").code == 0
    assert asimov("event", "create", "t", "--set", "repositry=x", "--force").code == 0


def test_stored_results_are_listed_located_and_linked(project, asimov, blueprint):
    text = (
        "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command, executable: /bin/sh, "
        "arguments: [-c, mkdir d; echo x > d/out], outputs: {it: d/out}}\n"
        "- {name: b, pipeline: command, executable: /bin/true, outputs: {it: out}, status: wait}\n"
    )
    assert asimov("apply", "-f", blueprint(text)).code == 0
    assert asimov("manage", "results").out == "No results are stored yet\n"
    asimov("monitor", "--chain", "--until-idle", "--interval", "0.2")
    assert asimov("production", "results", "s/b").out == "s/b has no stored results; it is wait\n"
    listed = json.loads(asimov("production", "results", "s", "a", "--json").out)
    (found,) = [each for each in listed if each["file"].endswith("out")]
    stored = project / "results/s/a" / found["file"]
    assert found["path"] == str(stored)
    assert found["sha256"] == sha256(b"x\n").hexdigest()
    assert found["sha256"] in asimov("production", "results", "s/a").out
    where = asimov("production", "results", "s/a", "--file", found["file"])
    assert where.out == f"{stored}\n"
    is_clear(asimov("production", "results", "s/a", "--file", "no"), "is not in the store")
    assert f"s/a/{found['file']}, {stored}\n" in asimov("manage", "results", "-e", "s").out

    assert asimov("manage", "resultslinks", "--root", "public").code == 0
    place = project / "public/s/a" / found["file"]
    assert place.readlink() == stored
    place.unlink()
    place.symlink_to("elsewhere")
    assert "links to stored files are in public" in asimov(
        "manage", "resultslinks", "--root", "public"
    ).out  # fmt: skip
    assert place.read_text() == "x\n"
    place.unlink()
    place.write_text("mine")
    ran = asimov("manage", "resultslinks", "--root", "public")
    is_clear(ran, "is in the way of a symbolic link, and was left alone")
    assert place.read_text() == "mine"
    stored.chmod(0o644)
    stored.write_text("changed")
    ran = asimov("production", "results", "s/a", "--file", found["file"])
    is_clear(ran, "has changed since it was stored: its checksum differs")


def test_a_setting_does_not_change_what_is_created(project, asimov):
    before = (project / "ledger" / "project.yaml").read_text()
    for given in ("kind=configuration", "name=other", "pipeline=command", "subject.x=1"):
        ran = asimov("event", "create", "new", "--set", given)
        is_clear(ran, "--set can't change what is created, or where", code=2)
    assert (project / "ledger" / "project.yaml").read_text() == before
    assert not list((project / "ledger").rglob("new.yaml"))
