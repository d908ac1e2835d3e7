"""The command line as a whole: help, the project it works on, and mistakes of use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from asimov import cli
from asimov._version import __version__
from tests.refusals import is_clear, state


def every_command():
    for name in cli.COMMANDS:
        command = import_module(f"asimov.cli.{name}").command
        yield (name,), command
        if isinstance(command, click.Group):
            for below, sub in command.commands.items():
                yield (name, below), sub


@pytest.mark.parametrize("path", [path for path, _ in every_command()], ids=" ".join)
def test_every_command_has_help_with_an_example(tmp_path, monkeypatch, asimov, path):
    monkeypatch.chdir(tmp_path)  # needs no project
    for flag in ("--help", "-h"):
        ran = asimov(*path, flag)
        assert ran.code == 0, ran
    assert "Example:\n" in ran.out
    assert f"  asimov {' '.join(path)}" in ran.out.partition("Example:\n")[2]
    assert not list(tmp_path.iterdir())


def test_the_list_of_commands_says_what_each_command_says_of_itself(asimov):
    shown = " ".join(asimov("--help").out.split())
    for name, line in cli.COMMANDS.items():
        command = import_module(f"asimov.cli.{name}").command
        assert " ".join(command.help.split("\n\n")[0].split()) == line
        assert f"{name} {line}" in shown
    folder = Path(cli.__file__).parent
    files = {path.stem for path in folder.glob("*.py")}
    files |= {path.parent.name for path in folder.glob("*/__init__.py")}
    parts = {
        "__init__",
        "open_project",
        "package_commands",
        "remote",
        "selection",
        "terminal",
    }
    assert files - parts == set(cli.COMMANDS)


def test_version(asimov):
    assert asimov("--version").out == f"asimov, version {__version__}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("aply", "there is no command 'aply'; did you mean 'apply'?"),
        ("xyzzy", "there is no command 'xyzzy'; see 'asimov --help'"),
        ("", "there is no command ''"),
    ],
)
def test_an_unknown_command_and_the_nearest(asimov, typed, said):
    is_clear(asimov(typed), said, code=2)


@pytest.mark.parametrize("group", ["production", "event", "configuration", "report", "ledger"])
def test_an_unknown_subcommand(asimov, group):
    is_clear(asimov(group, "shwo"), "there is no command 'shwo'", code=2)


def test_an_unknown_option(asimov):
    is_clear(asimov("--projct", "."), "No such option", "--project", code=2)


def test_a_project_is_found_from_deep_inside(project, asimov, monkeypatch):
    deep = project / "a" / "b" / "c"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert asimov("configuration", "show", "project/root").out == f"{project}\n"
    (deep / "b.yaml").write_text("kind: subject\nname: s\n")
    assert asimov("apply", "-f", "b.yaml").code == 0
    assert (project / "ledger/subjects/s.yaml").exists()


def test_a_project_is_named_from_elsewhere(project, asimov, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for named in (project, project / "ledger", "project", "project/"):
        ran = asimov("--project", named, "configuration", "show", "project/root")
        assert ran.out == f"{project}\n"
    before = state(tmp_path)
    ran = asimov("--project", "projct", "status")
    is_clear(ran, "Directory 'projct' does not exist", code=2)
    is_clear(asimov("--project", tmp_path, "status"), f"{tmp_path} is not in an asimov project")
    assert state(tmp_path) == before


def test_a_moved_project_still_works(project, asimov, blueprint, monkeypatch, tmp_path):
    text = "kind: subject\nname: s\nanalyses: [{name: a, pipeline: command}]\n"
    assert asimov("apply", "-f", blueprint(text)).code == 0
    new = project.rename(tmp_path / "mövéd to")
    monkeypatch.chdir(new)
    assert asimov("report", "status").out == "s\n  a command ready\n"
    assert asimov("configuration", "show", "project/root").out == f"{new}\n"
    assert str(new) in asimov("production", "show", "s", "a").out


@pytest.mark.parametrize(
    "command",
    [["status"], ["apply", "-f", "x"], ["log"], ["ledger", "show"], ["event", "show"],
     ["production", "show", "s", "a"], ["configuration", "show"], ["report", "status"],
     ["manage", "build"], ["manage", "submit"], ["monitor"], ["start"], ["stop"]],
    ids=" ".join,
)  # fmt: skip
def test_outside_a_project_one_line_says_so(tmp_path, monkeypatch, asimov, command):
    monkeypatch.chdir(tmp_path)
    is_clear(asimov(*command), f"error: {tmp_path} is not in an asimov project")
    assert not list(tmp_path.iterdir())


def test_in_a_folder_that_is_gone(shell, tmp_path):
    ran = shell("mkdir gone && cd gone && rmdir ../gone && asimov status")
    is_clear(ran, "the current folder no longer exists")


def test_a_project_without_its_ledger(project, asimov):
    (project / "ledger").rename(project / "elsewhere")
    is_clear(asimov("status"), f"error: {project}/ledger: the project's ledger folder is missing")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_can_take(project, shell, unbuffered):
    given = {"PYTHONUNBUFFERED": unbuffered}  # empty: as if it were not set
    ran = shell("asimov configuration show > /dev/full", cwd=project, **given)
    is_clear(ran, "No space left on device")
    ran = shell("set -o pipefail; asimov configuration show | true", cwd=project, **given)
    assert ran.err == ""


def test_a_damaged_journal_is_one_line(project, asimov):
    assert asimov("status").code == 0
    journal = project / ".asimov" / "journal.db"
    for path in journal.parent.glob("journal.db-*"):
        path.unlink()
    journal.write_bytes(b"not a database, whatever its name says. " * 100)
    ran = asimov("status")
    is_clear(ran, f"error: {journal}: the journal is damaged: file is not a database")
    assert journal.read_bytes().startswith(b"not a database")


def test_a_stream_that_was_closed_before_is_no_fault(project):
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$0" -m asimov status {closed}', sys.executable],
            cwd=project, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done


def unread(project, command):
    """Run a command whose output has lost its reader; return how it ended."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-m", "asimov", *command.split()],
            cwd=project, stdout=writing, stderr=writing, check=False,
        ).returncode  # fmt: skip
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    ("command", "states"),
    [
        ("production set s --status wait --yes", {"wait"}),
        *(
            pytest.param(command, states, marks=pytest.mark.long)
            for command, states in (
                ("cancel s --yes", {"cancelled"}),
                ("rm s --yes", set()),
                ("ledger undo", set()),
                ("monitor --chain --until-idle --interval 0.1 --timeout 300", {"uploaded"}),
            )
        ),
    ],
)
def test_a_command_that_acts_goes_on_once_nobody_reads_what_it_says(
    project, asimov, blueprint, command, states
):
    made = "".join(
        f"---\n{{kind: analysis, subject: s, name: {name}, pipeline: command, "
        "executable: /bin/sh, arguments: [-c, echo > y], outputs: {x: y}}\n"
        for name in "abc"
    )
    assert asimov("apply", "-f", blueprint("{kind: subject, name: s}\n" + made)).code == 0
    assert unread(project, command) == 0
    rows = json.loads(asimov("status", "--json").out)
    assert {row["status"] for row in rows} == states
    assert len(rows) == (3 if states else 0)


def test_a_command_that_only_shows_ends_once_nobody_reads_it(project, asimov, blueprint):
    made = blueprint("{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, "
                     "pipeline: command}")  # fmt: skip
    assert asimov("apply", "-f", made).code == 0
    assert unread(project, "status --watch") == 0
