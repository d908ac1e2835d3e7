"""Importing the real program's projects: all or nothing, and nothing into the old one."""

from __future__ import annotations

import hashlib
import json

import pytest
import yaml

from asimov.engine.importing.move import move
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger import store as ledger_store
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from tests.refusals import refused

DONE = Key("GW1", "done")


def tree(root):
    """Return every file and folder below a root with its content, times and number of links."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path.relative_to(root)] = (
            hashlib.sha256(content).hexdigest(), status.st_mtime_ns, status.st_ctime_ns,
            status.st_nlink, status.st_mode,
        )  # fmt: skip
    return found


def contents(root):
    """Return the content of every file below a root, without journal, locks and logs."""
    own = ("journal.db", ".lock", ".log")
    return {
        path: path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not any(each in path.name for each in own)
    }


def out_of_reach(asimov):
    """Have no HTCondor answer, whether the tests have a pool or not."""
    assert asimov("configuration", "update", "condor/collector", "localhost:1").code == 0


@pytest.mark.parametrize("engine", ["yamlfile", "sqlite"])
def test_a_whole_project_is_moved_and_the_old_one_is_never_written_to(project, asimov, old, engine):
    out_of_reach(asimov)
    source = old(engine)
    before = tree(source)
    ours = contents(project)
    dry = asimov("ledger", "import", source, "--dry-run", "--without-scheduler")
    assert dry.code == 0, dry
    assert "Nothing was written" in dry.out
    assert contents(project) == ours
    done = asimov("ledger", "import", source, "--without-scheduler")
    assert done.code == 0, done
    assert done.out.splitlines()[:-1] == dry.out.splitlines()[:-1]
    assert tree(source) == before
    for line in (
        "Subjects: 2. Analyses: 7: 5 wait, 1 uploaded, 1 stuck",
        "Repositories: 1. Stored files: 1. Jobs that asimov follows from now on: 0",
        "  GW2/unready: quality: minimum frequency: H1: 20 -> 15",
    ):
        assert line in done.out.splitlines()

    workspace = Workspace.open(project)
    statuses = {str(key): record.status for key, record in workspace.records.items()}
    assert statuses["GW1/done"] == "uploaded"
    assert statuses["GW1/going"] == "stuck"
    assert "could not be asked" in workspace.records[Key("GW1", "going")].reason
    analysis = workspace.analysis(DONE)
    assert analysis.rundir == str(source / "working" / "GW1" / "done")
    assert analysis.meta["review"]["status"] == "approved"
    # The MD5 of the old manifest was checked, and the new one has the SHA-256.
    store = Store(workspace.project.results)
    stored = store.fetch_file(*DONE, "results.dat")
    original = (source / "results" / "GW1" / "done" / "results.dat").read_bytes()
    assert stored.read_bytes() == original
    digest = hashlib.sha256(original).hexdigest()
    assert store.manifest(*DONE)["results.dat"]["sha256"] == digest
    # One repository for the subject, with its history.
    repository = analysis.repository
    assert analysis.repository.find_prods("done") == [
        str(project / "checkouts-own" / "GW1" / "analyses" / "done.ini")
    ]
    assert "Added analyses/done.ini" in repository.repository.git.log()
    assert workspace.dependencies.of(Key("GW1", "later")).keys == (DONE, Key("GW1", "going"))
    workspace.journal.close()
    assert asimov("status").code == 0
    assert "was 'complete'" in asimov("log", "GW1", "done").out


def test_an_imported_analysis_is_built_and_run_here(project, asimov, old):
    source = old("sqlite")
    assert asimov("ledger", "import", source, "--without-scheduler").code == 0
    before = tree(source)
    assert asimov("production", "set", "GW1", "again", "--status", "ready").code == 0
    built = asimov("manage", "build")
    assert built.code == 0, built
    assert (project / "checkouts-own" / "GW1" / "analyses" / "again.ini").exists()
    assert tree(source) == before


@pytest.mark.parametrize("how", ["restart", "ready"])
def test_an_analysis_with_a_run_directory_runs_again_in_this_project(project, asimov, old, how):
    source = old("yamlfile")
    assert asimov("ledger", "import", source, "--without-scheduler").code == 0
    assert asimov("configuration", "update", "scheduler/type", "local").code == 0
    before = tree(source)
    key = Key("GW1", "done" if how == "restart" else "going")
    assert asimov("production", "set", *key, "--status", how).code == 0
    done = asimov("monitor", "--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")
    assert "will not be cleared" not in done.out + done.err, done
    workspace = Workspace.open(project)
    assert workspace.analysis(key).rundir == str(project / "working" / key.subject / key.name)
    assert workspace.journal.attempts(key)[-1].state == "ended", done
    assert tree(source) == before
    if how == "restart":
        assert f"{source}/working/GW1/done stays as it is" in asimov("log", *key).out


def test_stored_files_that_have_changed_are_not_taken_for_results(project, asimov, old):
    source = old("yamlfile")
    path = source / "results" / "GW1" / "done" / "results.dat"
    path.chmod(0o644)
    path.write_text("other")
    done = asimov("ledger", "import", source, "--without-scheduler")
    assert "MD5 checksum differs" in done.out
    workspace = Workspace.open(project)
    assert workspace.records[DONE].status == "finished"
    assert not Store(workspace.project.results).manifest(*DONE)


def test_files_outside_of_the_old_results_are_not_taken_for_results(project, asimov, old):
    source = old("yamlfile")
    path = source / "results" / "GW1" / "done" / "results.dat"
    manifest = source / "results" / ".manifest" / "manifest.yaml"
    secret = source.parent / "secret"
    secret.write_bytes(path.read_bytes())  # of the right checksum
    path.unlink()
    path.symlink_to(secret)
    up = {"hash": hashlib.md5(secret.read_bytes()).hexdigest(), "uuid": "x"}
    listed = yaml.safe_load(manifest.read_text())
    listed["events"]["GW1"]["done"]["../../../../secret"] = up
    manifest.write_text(yaml.dump(listed))
    done = asimov("ledger", "import", source, "--without-scheduler")
    assert done.code == 0, done
    assert done.out.count("leads out of it and is not copied") == 2
    workspace = Workspace.open(project)
    assert workspace.records[DONE].status == "finished"
    assert not Store(workspace.project.results).manifest(*DONE)


def test_a_failure_before_the_commit_leaves_nothing(project, asimov, old, monkeypatch):
    source = old("yamlfile")
    before = contents(project)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger_store.LedgerFiles, "writing", full)
    workspace = Workspace.open(project)
    with pytest.raises(OSError, match="No space"):
        move(workspace, source, without_scheduler=True)
    workspace.journal.close()
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert contents(project) == before
    assert not (project / "checkouts-own" / "GW1").exists()
    assert asimov("ledger", "import", source, "--without-scheduler").code == 0


def test_a_crash_after_the_commit_is_finished_by_the_next_command(
    project, asimov, old, monkeypatch
):
    source = old("yamlfile")

    class Killed(BaseException):
        pass

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ledger_store, "write_atomically", kill)
        workspace = Workspace.open(project)
        with pytest.raises(Killed):
            move(workspace, source, without_scheduler=True)
        workspace.journal.close()
    assert not list((project / "ledger" / "subjects").iterdir())
    listed = json.loads(asimov("status", "--json").out)
    assert asimov("manage", "build", "--dryrun").code == 0
    assert asimov("production", "set", "GW1", "again", "--status", "ready").code == 0
    workspace = Workspace.open(project)
    assert len(workspace.contents.entries) == len(workspace.records) == 7
    assert workspace.records[DONE].status == "uploaded"
    assert listed
    assert Store(workspace.project.results).manifest(*DONE)


def test_a_project_with_something_in_it_is_left_alone(project, asimov, old, blueprint):
    assert asimov("apply", "-f", blueprint("{kind: subject, name: s}\n")).code == 0
    refused(asimov, project, ["ledger", "import", old("yamlfile")], "already has a ledger")


def test_a_new_project_inside_the_old_one_is_refused(old, asimov, monkeypatch):
    source = old("yamlfile")
    inside = source / "new"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert asimov("init", "New", "--scheduler", "local").code == 0
    refused(asimov, inside, ["ledger", "import", source], "never written to")


def test_a_new_project_with_the_old_results_is_refused(old, asimov, tmp_path, monkeypatch):
    source = old("yamlfile")
    monkeypatch.chdir(tmp_path)
    made = asimov("init", "New", "--root", "new", "--scheduler", "local", "--results", source)
    assert made.code == 0
    monkeypatch.chdir(tmp_path / "new")
    before = tree(source)
    done = asimov("ledger", "import", source, "--without-scheduler")
    assert done.code == 1
    assert "never written to" in done.err
    assert tree(source) == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "not a project that can be imported"),
        (lambda path: path.write_text("a: 1\n"), "not a project that can be imported"),
    ],
)
def test_what_is_no_project_is_refused(project, asimov, tmp_path, make, message):
    path = tmp_path / "other.yml"
    make(path)
    refused(asimov, project, ["ledger", "import", path], message)


def test_a_name_that_can_be_no_file_is_refused_with_its_place(project, asimov, tmp_path):
    path = tmp_path / "ledger.yml"
    path.write_text("events:\n- {name: 'GW/1', productions: []}\n")
    refused(
        asimov,
        project,
        ["ledger", "import", path],
        f"error: {path}: asimov does not allow 1 name in this project: the subject 'GW/1'",
    )


def test_running_jobs_are_asked_about_unless_told_otherwise(project, asimov, old):
    out_of_reach(asimov)
    before = contents(project)
    done = asimov("ledger", "import", old("yamlfile"))
    assert done.code == 5, done
    assert "--without-scheduler" in done.err
    assert contents(project) == before
    with pytest.raises(AsimovError):
        Store(project / "results").fetch_file(*DONE, "results.dat")
