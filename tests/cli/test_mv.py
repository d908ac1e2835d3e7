"""``asimov mv``: everything follows a new name, and a kill loses nothing."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from asimov.engine.provenance.record import last_run
from asimov.engine.staleness.verdicts import outdated
from asimov.journal.documents import Documents
from asimov.journal.keys import Key
from asimov.project import file_changes
from asimov.project.workspace import Workspace
from tests import preloaded
from tests.refusals import is_clear, refused

PLAIN = "pipeline: command, executable: /bin/sh, outputs: {it: out}"
BLUEPRINT = f"""
{{kind: subject, name: s, x: 1}}
---
{{kind: analysis, event: s, name: a, {PLAIN}, arguments: [-c, echo x > out]}}
---
{{kind: analysis, event: s, name: b, {PLAIN}, arguments: [-c, "cp {{{{ assets.it }}}} out"],
 needs: [a]}}
---
{{kind: analysis, event: s, name: c, {PLAIN}, arguments: [-c, echo s/a > out],
 needs: [[name: a, status: uploaded]], comment: after a}}
---
{{kind: projectanalysis, name: all, {PLAIN}, arguments: [-c, echo x > out], subjects: [s],
 analyses: [{{name: b}}, s/a]}}
"""


@pytest.fixture
def done(project, asimov, blueprint):
    """A project in which everything has run."""
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    ran = asimov("monitor", "--chain", "--until-idle", "--interval", "0.2")
    assert ran.code == 0, ran
    assert asimov("review", "add", "s", "a", "approved").code == 0
    return project


def states(asimov) -> dict[str, str]:
    rows = json.loads(asimov("status", "--json").out)
    rows = rows["analyses"] if isinstance(rows, dict) else rows
    return {f"{row['subject']}/{row['name']}": row["status"] for row in rows}


def git(*arguments: object) -> str:
    done = subprocess.run(
        ["git", "-C", "checkouts", *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout


def check(root: Path, subject: str, name: str) -> None:
    """See that everything about the first analysis is under one name, and nothing elsewhere."""
    key = Key(subject, name)
    workspace = Workspace.open(root)
    journal = workspace.journal
    assert not file_changes.pending(journal)
    assert not Documents(journal).changes()
    assert workspace.records.keys() == workspace.contents.entries.keys()
    assert workspace.status(key) == "uploaded"
    (attempt,) = journal.attempts(key)
    ran = last_run(journal, key)
    assert ran is not None
    assert ran[1].analysis == str(key)
    assert all((root / log).exists() for log in (attempt.logs or "").splitlines())
    assert workspace.settings(key)["review"]["status"] == "approved"
    build = workspace.builds[key]
    assert build.config == f"checkouts/{subject}/analyses/{name}.ini"
    assert (root / build.config).exists()
    for home in ("working", "results"):
        folder = root / home / subject
        assert sorted(each.name for each in folder.iterdir()) == sorted({name, "b", "c"})
        assert (folder / name / "out").read_text() == "x\n"
    assert not git("status", "--short")
    tracked = git("ls-files").split()
    assert [f"{subject}/analyses/{name}.ini" in tracked, len(tracked)] == [True, 4]
    second, third = Key(subject, "b"), Key(subject, "c")
    for other in (second, third):
        assert workspace.dependencies.of(other).keys == (key,)
    assert workspace.dependencies.of(Key("project-analyses", "all")).keys == (second, key)
    found = last_run(journal, second)
    assert found is not None
    inputs = [each.of for each in found[1].files if each.of]
    assert set(inputs) <= {str(key)}
    assert outdated(workspace, list(workspace.contents.entries)) == {}
    journal.close()


def test_everything_follows_the_new_name_of_an_analysis(done, asimov):
    rehearsed = asimov("mv", "s/a", "s/first", "--dry-run")
    assert "Would rename s/a to s/first\n" in rehearsed.out
    assert "working/s/a -> working/s/first\n" in rehearsed.out
    check(done, "s", "a")
    ran = asimov("mv", "s/a", "first", "-m", "a better name")
    assert "Renamed s/a to s/first\n" in ran.out
    # Other settings that say the name are mentioned, and left alone.
    assert ran.err == "note: s/c may mention 'a' in other settings: check subjects/s.yaml\n"
    check(done, "s", "first")
    log = asimov("log", "s", "first").out
    assert "renamed  [" in log
    assert "s/a -> s/first" in log
    assert "running" in log
    assert git("log", "-1", "--format=%s", "--stat").startswith("Rename s/a to s/first\n")
    assert asimov("store", "verify").code == 0
    assert set(states(asimov).values()) == {"uploaded"}

    # The subject's name too; undo goes back step by step.
    assert "Renamed s to t\n" in asimov("mv", "s", "t").out
    check(done, "t", "first")
    assert not (done / "ledger/subjects/s.yaml").exists()
    assert "s -> t, in " in asimov("ledger", "history", "t").out
    assert "t is s again\n" in asimov("ledger", "undo").out
    assert "s/first is s/a again\n" in asimov("ledger", "undo").out
    check(done, "s", "a")
    assert asimov("monitor", "--chain").code == 0
    assert set(states(asimov).values()) == {"uploaded"}  # nothing runs again


def test_the_layout_of_the_files_stays(project, asimov):
    file = project / "ledger/subjects/s.yaml"
    file.write_text(
        "# ours\nname: s  # the sun\nanalyses:\n- name:   a # one\n  pipeline: command\n"
        "- {name: b, needs: [a, {name: a, optional: true}], pipeline: command} # two\n"
        "- name: c\n  needs:\n  - \"name: a\" # why\n  - [status: '!stuck', pipeline: x]\n"
        "  pipeline: command\n"
    )
    before = file.read_text()
    assert asimov("mv", "s/a", "first").code == 0
    after = before.replace("  a #", "  first #").replace("[a, {name: a", "[first, {name: first")
    assert file.read_text() == after.replace('"name: a"', "'name: first'")
    assert asimov("mv", "s", "sun").code == 0
    moved = project / "ledger/subjects/sun.yaml"
    assert moved.read_text().startswith("# ours\nname: sun  # the sun\n")


def test_conditions_that_match_otherwise_afterwards_are_told(project, asimov, blueprint):
    text = (
        "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command}\n"
        "---\nkind: subject\nname: t\nanalyses:\n- {name: a, pipeline: command}\n"
        "---\nkind: projectanalysis\nname: p\npipeline: command\nanalyses: [a]\n"
    )
    assert asimov("apply", "-f", blueprint(text)).code == 0
    ran = asimov("mv", "s/a", "s/b")
    assert "project-analyses/p no longer needs s/b: change its needs by hand" in ran.err
    assert asimov("mv", "project-analyses/p", "q").code == 0
    assert (project / "ledger/analyses/q.yaml").exists()
    assert not (project / "ledger/analyses/p.yaml").exists()


def test_what_is_refused(project, asimov, blueprint):
    text = (
        "kind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command}\n"
        "- {name: b, pipeline: command}\n---\nkind: subject\nname: t\n"
    )
    assert asimov("apply", "-f", blueprint(text)).code == 0
    for names, said in (
        (("s/a", "s/b"), "the name s/b is or was in use"),
        (("s/a", "t/a"), "it would inherit the settings of another subject"),
        (("s", "t"), "the name t is or was in use"),
        (("s/q", "s/r"), "s has no analysis 'q'"),
        (("q", "r"), "there is no subject 'q'"),
        (("s/a", "s/.."), "can't be a name"),
        (("s", "a b"), "can't be a name"),
    ):
        refused(asimov, project, ["mv", *names], said)
    workspace = Workspace.open(project)
    workspace.journal.intend(Key("s", "a"), "u1", "run", "local")
    workspace.journal.submitted("u1", 17, [])
    refused(asimov, project, ["mv", "s/a", "s/c"], "s/a (job 17)")
    refused(asimov, project, ["mv", "s", "u"], "s/a (job 17)")
    workspace.journal.ended("u1", "ended", exit_code=0, evidence="test", reason=None)
    (project / "working/s/c").mkdir(parents=True)
    (project / "working/s/a").mkdir()
    (project / "working/s/c/mine").write_text("")
    refused(asimov, project, ["mv", "s/a", "s/c"], "working/s/c: already exists")
    workspace.journal.intend(Key("s", "b"), "u2", "run", "local")
    workspace.journal.ended("u2", "void", exit_code=None, evidence="test", reason=None)
    assert asimov("rm", "s/b", "-y").code == 0
    refused(asimov, project, ["mv", "s/a", "s/b"], "the journal has its history")


#: Runs a command that is killed where it is about to do its n-th lasting thing.
KILLED = """
import os, signal, sys
from pathlib import Path
number = int(sys.argv.pop(1))
def counted(kind, name):
    plain = getattr(kind, name)
    def act(*arguments, **named):
        global number
        number -= 1
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*arguments, **named)
    setattr(kind, name, act)
from asimov.cli import cli
from asimov.journal.documents import Documents
from asimov.journal.journal import Journal
from asimov.ledger.store import LedgerFiles
from asimov.project import file_changes
from asimov.project.git import commits
counted(Path, "rename")
counted(Path, "replace")
counted(Path, "unlink")
counted(file_changes, "sync_path")
counted(commits, "_feed")
counted(LedgerFiles, "writing")
counted(LedgerFiles, "_write_all")
counted(Documents, "begin_change")
counted(Documents, "close_changes")
counted(Journal, "set_property")
sys.argv[0] = "asimov"
cli.main(sys.argv[1:], standalone_mode=False)
"""


def test_wherever_it_is_killed_the_next_command_finishes_it(done, asimov):
    names = [Key("s", "a"), Key("s", "first")]
    killed = kept = 0
    for number in range(1, 60):
        old, new = names
        ran = preloaded.run(KILLED, number, "mv", str(old), str(new), cwd=done)
        if ran.returncode == 0:
            break
        assert ran.returncode == -signal.SIGKILL, ran
        killed += 1
        workspace = Workspace.open(done)  # as the next command that acts
        happened = new in workspace.contents.entries
        workspace.journal.close()
        check(done, *(new if happened else old))
        if happened:
            names.reverse()
            kept += 1
    assert ran.returncode == 0
    check(done, *names[1])
    assert killed >= 10
    assert kept >= 5
    assert re.search(r"1 {2}\S+ {2}\S+ {2}asimov apply", asimov("ledger", "history").out)


def test_a_reader_is_told_that_a_renaming_is_under_way(done, asimov):
    workspace = Workspace.open(done)
    gone = file_changes.FileChange("working/s/gone")
    file_changes.intend(workspace.journal, [gone])
    workspace.journal.close()
    told = asimov("status")
    assert "a change to the ledger is in progress or was interrupted" in told.err
    assert "but some files are not in place yet" in told.err
    for words in (
        "store verify", "clean --dry-run", "provenance s/a", "production results s/a",
        "production show s/a", "manage results", "package s/a", "diff s/a", "logs s/a", "why s/a",
        "rerun s/a --dry-run", "rm s/a --dry-run", "mv s/a s/z --dry-run", "ledger undo --dry-run",
    ):  # fmt: skip
        ran = asimov(*words.split())
        is_clear(
            ran,
            "a change to the ledger is in progress or was interrupted, "
            "and some files are not in place yet",
            "'asimov monitor'",
        )
        assert not ran.out
    shutil.copytree(done / "working/s/a", done / "working/s/gone")
    assert asimov("monitor").code == 0
    assert not (done / "working/s/gone").exists()
    assert asimov("status").err == ""


def test_a_renamed_analysis_may_be_stored_again(done, asimov):
    assert asimov("mv", "s/a", "s/z").code == 0
    assert asimov("production", "set", "s/z", "--status", "finished").code == 0
    asimov("monitor")
    assert json.loads(asimov("status", "s/z", "--json").out)[0]["status"] == "uploaded"
    assert asimov("store", "verify", "s/z").code == 0


def test_the_builds_of_subjects_with_similar_names_stay(project, asimov, blueprint):
    # In SQL's LIKE, "_" stands for any character, and letters have no case.
    names = ("g_1", "gx1", "G_1")
    each = f"{{kind: subject, name: %s}}\n---\n{{kind: analysis, event: %s, name: a, {PLAIN}}}"
    made = blueprint("\n---\n".join(each % (name, name) for name in names))
    assert asimov("apply", "-f", made).code == 0
    assert asimov("manage", "build").code == 0
    assert asimov("mv", "g_1", "other").code == 0
    found = Workspace.open(project).builds
    assert {str(key): build.config for key, build in found.items()} == {
        f"{name}/a": f"checkouts/{name}/analyses/a.ini" for name in ("other", "gx1", "G_1")
    }
