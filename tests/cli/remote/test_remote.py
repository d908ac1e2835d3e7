"""``asimov --server URL``: the commands say the same about a project that is served."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from asimov.cli import cli
from asimov.cli.remote import logs as remote_logs
from asimov.errors import AsimovError
from asimov.journal.access_keys import AccessKeys
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server.client import Client
from asimov.system import clock
from tests.server import asking
from tests.server.conftest import Service, made

MORE = """
---
{kind: analysis, event: t, name: waits, pipeline: simpletestpipeline, status: wait}
---
{kind: analysis, event: t, name: goes, pipeline: simpletestpipeline}
---
{kind: analysis, event: t, name: cancels, pipeline: simpletestpipeline}
---
{kind: analysis, event: t, name: reviewed, pipeline: simpletestpipeline}
"""


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def root(tmp_path_factory, patch):
    top = tmp_path_factory.mktemp("remote")
    asking.publish(top / "package", patch)
    more = MORE + "".join(asking.ANALYSES.replace("NAME", each) for each in ("asks", "asks-too"))
    found = made(top / "project", more)
    asking.ask(found, "asks", "asks-too")
    os.utime(found / "working" / "s" / "first" / "job.out", (1e9, 1e9))  # to the second
    return found


@pytest.fixture(scope="module")
def service(root):
    started = Service(root)
    yield started
    started.process.kill()
    started.process.communicate()


@pytest.fixture(scope="module")
def key(root, patch):
    with closing(Workspace.open(root).journal) as journal:
        made = AccessKeys(journal).add("ada", "ada")
    patch.setenv("ASIMOV_KEY", made)
    return made


@pytest.fixture
def local(root):
    """Run a command on the project itself; return its exit code, output, and errors."""
    return lambda *command: run("--project", str(root), *command)


@pytest.fixture
def remote(service, key):
    """Run a command on the project that is served."""
    return lambda *command: run("--server", service.address, *command)


def run(*command):
    ran = CliRunner().invoke(cli, [*command])
    if isinstance(ran.exception, AsimovError):
        error = ran.exception
        return error.exit_code, ran.stdout, f"{ran.stderr}error: {error}\n  {error.hint}"
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    "command",
    [
        "status", "status s", "status --json", "status --state ready --pipeline command",
        "status nothing", "status --state redy", "status s --state stuck", "status --monitor",
        "status --usage", "status --since 1d --label x", "status --watch --json",
        "why s/second", "why s/first --json", "why t", "why t --json", "why", "why s/x",
        "why t/asks", "log", "log s/first", "log --last 2 --json", "log --state ready --since 3h",
        "log nothing", "log --since 2100-01-01", "logs s/first", "logs s/first --last 1 --json",
        "logs s/first --all", "logs s/second", "logs s/x", "logs s/first --json --all",
        "production show s/first", "production show s/second --json", "production show s/x",
        "production results s/first", "production results s/second", "answer t/asks",
        "answer t/asks --json", "answer s/first", "answer t", "review status", "review status t",
        "review status s/first --json", "event show", "event show s", "event show x",
        "event show --json", "rerun s/first --dry-run", "rerun s/first --dry-run --json",
        "rerun s/second", "rerun --pending", "rerun --outdated --json", "rerun s/first",
        "cancel", "cancel s/first", "cancel 't/*'", "production set 't/*' --status redy",
        "production set s/x --status wait",
    ],
)  # fmt: skip
def test_a_command_says_the_same_here_and_there(local, remote, service, command, monkeypatch):
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)  # ages are shown to the second
    words = command.replace("'", "").split()
    code, out, errors = remote(*words)
    here = f"asimov --server {service.address} "  # what is advised can be pasted
    if words[0] == "why" and "--json" not in words:
        assert not re.search(r"asimov (production|answer|rerun|cancel|logs?)\b", out)
    assert (code, out.replace(here, "asimov "), errors) == local(*words)


def now(root, name):
    """Return the state of an analysis, and the last event about it."""
    workspace = Workspace.open(root, reading=True)
    with closing(workspace.journal):
        return workspace.status(Key("t", name)), workspace.journal.events("t", name)[-1]


def test_states_are_set_and_analyses_cancelled_and_run_again(root, local, remote):
    told = remote("production", "set", "t/waits", "--status", "ready", "--reason", "data")
    assert told == (0, "t/waits: wait -> ready\n", "")
    status, event = now(root, "waits")
    assert (status, event.actor, event.reason) == ("ready", "key ada", "data")
    code, out, errors = remote("production", "set", "t/waits", "--status", "running")
    assert (code, out) == (1, "")
    assert "t/waits is ready and can't be set to running" in errors
    code, out, _ = remote("cancel", "t/cancels", "--yes", "--reason", "why not")
    assert (code, out) == (0, "  t/cancels (ready)\nt/cancels: ready -> cancelled\n")
    assert now(root, "cancels")[1].reason == "why not"
    code, out, _ = remote("rerun", "s/first", "--yes")
    assert code == 0
    assert "The next pass of 'asimov monitor' carries it out" in out
    with closing(Workspace.open(root, reading=True).journal) as journal:
        assert journal.events("s", "first")[-1].after == "restart"
    for command in (
        ["rerun", "--pending"],
        ["rerun", "--pending", "--json"],
        ["cancel", "s/first"],
    ):
        assert remote(*command) == local(*command)
    told = remote("rerun", "--withdraw", "s/first")
    assert told == (0, "s/first: restart -> uploaded; the request is withdrawn\n", "")


def test_a_question_is_answered_and_a_wrong_answer_refused(root, remote):
    code, _, errors = remote("answer", "t/asks-too", "level=-1")
    assert (code, now(root, "asks-too")[0]) == (1, "asking")
    assert errors.startswith("error: level: ")
    code, out, _ = remote("answer", "t/asks-too", "level=2.5")
    assert (code, now(root, "asks-too")[0]) == (0, "ready")
    assert out.startswith("t/asks-too: 'start' is answered")


def test_a_review_is_added(root, remote):
    assert remote("review", "add", "t/reviewed", "approved", "-m", "fine")[1] == (
        "t/reviewed: approved\n"
    )
    assert "approved" in remote("review", "status", "t/reviewed")[1]
    assert remote("review", "add", "t/reviewed", "aproved")[0] == 1


def test_blueprints_are_applied_with_the_places_of_their_mistakes(local, remote, tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("# one\n{kind: subject, name: u}")
    second.write_text("---\n{kind: analysis, event: u, name: a, pipeline: simpletestpipeline}\n")
    both = ("apply", "-f", str(first), "-f", str(second))
    assert remote(*both, "--dry-run") == local(*both, "--dry-run")
    code, out, _ = remote(*both, "--reason", "new")
    assert (code, out) == (0, "add    subject u\nadd    analysis u/a\nDone: 2 added\n")
    assert remote(*both) == local(*both)
    second.write_text("---\n{kind: analysis, event: u, name: b,\n needs: [nowhere], pipeline: x y}")
    assert remote(*both) == local(*both)
    assert f"{second}:" in remote(*both)[2]
    second.write_text("kind: [")
    assert remote(*both) == local(*both)
    second.write_text("")
    assert remote("apply", "-f", str(second)) == local("apply", "-f", str(second))
    assert remote("apply", "-p", "x")[0] == 2


@pytest.mark.parametrize(
    "command", ["clean", "ledger show", "monitor", "init X", "production forget s/first"]
)
def test_what_makes_no_sense_there_is_refused_in_one_line(remote, command):
    code, out, errors = remote(*command.split())
    assert (code, out) == (1, "")
    assert "needs a project on this machine: it does not work with --server" in errors


def test_a_key_comes_from_a_file_that_others_can_not_read(service, key, tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text(key + "\n")
    monkeypatch.delenv("ASIMOV_KEY")
    act = ("production", "set", "t/goes", "--status", "wait")

    def told(*options):
        return run("--server", service.address, *options, *act)

    code, _, errors = told()
    assert (code, "changes need a key" in errors, "--key-file" in errors) == (1, True, True)
    file.chmod(0o644)
    assert "chmod 600" in told("--key-file", str(file))[2]
    file.chmod(0o600)
    assert told("--key-file", str(file)) == (0, "t/goes: ready -> wait\n", "")
    file.write_text("two words")
    assert "should contain a key" in told("--key-file", str(file))[2]
    assert "can't be read: No such file" in told("--key-file", str(tmp_path / "none"))[2]
    monkeypatch.setenv("ASIMOV_KEY", "wrong")
    assert "this key is unknown or was revoked" in told()[2]


def test_project_and_server_exclude_each_other(root):
    code, _, errors = run("--project", str(root), "--server", "http://127.0.0.1:1", "status")
    assert (code, "(one elsewhere) can't be combined" in errors) == (2, True)
    assert run("--key-file", "x", "status")[0] == 2


def test_a_log_that_is_a_link_out_of_the_project_is_not_said_to_be_to_come(root, remote):
    folder = root / "working" / "t" / "goes"
    folder.mkdir(parents=True)
    (folder / "job.out").symlink_to("/etc/passwd")
    reason = "working/t/goes/job.out is not shown: it is a link that leads out of the project"
    code, out, errors = remote("logs", "t/goes")
    assert (code, out) == (1, "")
    assert errors == (f"error: {reason}\n  'asimov logs t/goes' shows it where the service runs")
    (folder / "job.err").write_text("a warning\n")
    (folder / "more.out").symlink_to("/etc/passwd")
    code, out, _ = remote("logs", "t/goes")
    assert code == 0
    assert out.splitlines()[1:] == ["a warning", f"{reason} (and 1 more)"]


def test_who_follows_a_project_outlives_a_restart_of_its_service(tmp_path, monkeypatch):
    monkeypatch.delenv("ASIMOV_KEY", raising=False)  # it is of another project
    root = made(tmp_path / "project")
    workspace, other = Workspace.open(root), Key("t", "other")
    workspace.journal.intend(other, "uid-2", "run", "local")
    workspace.journal.submitted("uid-2", 8, [])
    workspace.move(other, "running", "submit", "submitted as job 8")
    workspace.journal.close()
    output = root / "working" / "t" / "other" / "job.out"
    output.parent.mkdir(parents=True)
    output.write_text("before\n")
    service = Service(root)
    following = [
        subprocess.Popen(
            [sys.executable, "-m", "asimov", "--server", service.address, *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
        )
        for words in (["log", "--follow"], ["logs", "t/other", "-f"], ["status", "--watch"])
    ]  # fmt: skip
    try:
        firsts = [each.stdout.readline() for each in following]
        service.end()
        time.sleep(4)  # more than a command waits that looks once
        with output.open("a") as stream:
            stream.write("after the restart\n")
        service = Service(root, "--port", service.address.rpartition(":")[2])
        run("--project", str(root), "production", "set", "s/second", "--status", "wait")
        for each, sign in zip(following, ("-> wait", "after the restart", "wait"), strict=True):
            assert any(sign in line for line in each.stdout), firsts
    finally:
        for each in [*following, service.process]:
            each.kill()
            each.communicate()


class _Ending(BaseHTTPRequestHandler):
    """A service that ends while it sends a file, and sends it whole the next time."""

    sent = 0

    def do_GET(self):
        path, text = self.path.partition("?")[0], b"first\nlast\n"
        if path.endswith("/job.out"):
            _Ending.sent += 1
            data = text[:7] if _Ending.sent == 1 else text
        else:
            file = {"file": "job.out", "path": "/job.out", "node": "", "kind": "output"}
            file |= {"bytes": len(text), "changed": "2026-01-01T00:00:00Z"}
            found = {"items": [file]} if path.endswith("/logs") else {"status": "finished"}
            data = text = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def test_who_follows_logs_reads_again_what_was_not_sent_whole(capsys):
    with HTTPServer(("127.0.0.1", 0), _Ending) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            client = Client(f"http://127.0.0.1:{server.server_port}")
            remote_logs._follow(client, "s", "a", None, {})
        finally:
            server.shutdown()
            thread.join()
    assert _Ending.sent == 2
    assert capsys.readouterr().out.splitlines()[-3:] == ["first", "last", "s/a is finished"]
