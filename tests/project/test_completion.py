"""Completion of words, as a shell asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from asimov.cli import cli
from asimov.cli.completion import table as tables
from asimov.project import completion
from asimov.states import STATES

START = """\
{kind: subject, name: nile}
---
{kind: subject, name: river, filter: {name: hann}}
---
{kind: analysis, name: first, subject: river, pipeline: command, window: {name: flat}}
---
{kind: analysis, name: "{step}-run", subject: river, pipeline: command, strategy: {step: [a, b]}}
---
{kind: analysis, name: fourth, subject: nile, pipeline: command}
---
{kind: projectanalysis, name: all, pipeline: command}
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Make the table of commands."""
    made = tables.table(cli, click.Context(cli, info_name="asimov"))
    return {
        "command": made, "state": list(STATES), "pipeline": ["command"], "review": ["approved"],
    }  # fmt: skip


@pytest.fixture
def started(project, asimov, blueprint, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.parent / "cache"))
    assert asimov("apply", "-f", blueprint(START)).code == 0
    return project


def test_each_word_has_its_candidates(started, known):
    for line, found in {
        "sta": ["start", "status"],
        "production s": ["set", "show"],
        "status --st": ["--state"],
        "monitor --until": ["--until-idle"],
        "status --state fin": ["finished"],
        "status --state i": ["idle"],
        "cancel --state sub": ["submitted"],
        "status --since y": ["yesterday"],
        "init --scheduler l": ["local"],
        "production set river/first -s ca": ["cancelled"],
        "status --pipeline ": ["command"],
        "monitor ": ["nile", "project-analyses", "river"],
        "monitor --chain r": ["river"],
        "manage build -e n": ["nile"],
        "event show r": ["river"],
        "why ": ["nile/", "project-analyses/", "river/"],
        "why r": ["river/a-run", "river/b-run", "river/first"],
        "why river/f": ["river/first"],
        "why river f": ["first"],
        "why project-analyses/": ["project-analyses/all"],
        "cancel river/first nile/": ["nile/fourth"],
        "diff river/first river/b": ["river/b-run"],
        "review add river/first a": ["approved"],
        "completion z": ["zsh"],
        "apply -f ": [":files"],
        "apply --file=x -e r": ["river"],
        "nosuch ": [],
        "mv river ": [],
    }.items():
        assert completion.candidates(known, line.split(" ")) == found, line


def test_it_works_in_folders_of_the_project_and_with_the_option(started, known, monkeypatch):
    monkeypatch.chdir(started / "ledger" / "subjects")
    assert completion.candidates(known, ["monitor", "n"]) == ["nile"]
    monkeypatch.chdir(started.parent)
    assert completion.candidates(known, ["monitor", ""]) == []
    words = ["--project", str(started), "monitor", "n"]
    assert completion.candidates(known, words) == ["nile"]


def test_a_ledger_that_can_not_be_read_completes_nothing_and_says_nothing(started, capfd):
    for broken in ("\\xff: [", "- - -\nname: {"):
        (started / "ledger" / "subjects" / "river.yaml").write_text(broken)
        done = subprocess.run(
            [sys.executable, "-m", "asimov", "--complete", "why", "river/"],
            capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_command_line_is_not_imported_once_its_table_is_kept(started):
    program = "import sys; sys.argv[1:] = ['--complete', 'why', 'riv']\nimport asimov.__main__"
    program += "\nasimov.__main__.main()\nprint(sorted(sys.modules), file=sys.stderr)"

    def ask():
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )

    ask()
    table = Path(completion.cached())
    assert json.loads(table.read_text())["command"]["commands"]["status"]
    done = ask()
    assert done.stdout.split() == ["river/a-run", "river/b-run", "river/first"]
    loaded = set(done.stderr.replace("'", "").strip("[]\n").split(", "))
    assert {each for each in loaded if each.split(".")[0] == "asimov"} - {"asimov.__main__"} == {
        *("asimov", "asimov._version"),
        *("asimov.project", "asimov.project.completion"),
    }
    heavy = {"click", "yaml", "sqlite3", "configparser", "importlib.metadata", "logging"}
    assert not loaded & heavy


def test_the_table_is_made_again_when_a_package_was_installed(started, monkeypatch, tmp_path):
    made = tables.write(cli)
    assert completion.latest() == made
    monkeypatch.syspath_prepend(str(tmp_path))
    assert completion.latest() is None
    assert tables.write(cli)["stamp"] != made["stamp"]
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")  # where nothing can be kept
    assert completion.latest() is None
    assert "status" in tables.write(cli)["command"]["commands"]
