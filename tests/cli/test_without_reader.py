"""Commands whose output nobody reads, as after ``| head -1``: what acts, acts all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import Ran

_ANALYSIS = "pipeline: command, executable: /bin/touch, arguments: [made], outputs: {made: made}"
BLUEPRINT = "kind: subject\nname: s\nanalyses:\n" + "".join(
    f"- {{name: a{number}, {_ANALYSIS}}}\n" for number in range(6)
)


@pytest.fixture
def applied(project: Path, asimov: Callable[..., Ran], blueprint: Callable[..., Path]) -> Path:
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    return project


def without_reader(program: list[object], *streams: str, cwd: Path) -> Ran:
    """Run a program some of whose standard streams are pipes that nobody reads."""
    reader, pipe = os.pipe()
    os.close(reader)
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **dict.fromkeys(streams, pipe)}
    try:
        done = subprocess.run(program, cwd=cwd, text=True, check=False, timeout=300, **given)
    finally:
        os.close(pipe)
    return Ran(done.returncode, done.stdout or "", done.stderr or "")


def run(root: Path, command: str, *streams: str) -> Ran:
    return without_reader([preloaded.programs() / "asimov", *command.split()], *streams, cwd=root)


def test_every_analysis_is_submitted(applied, asimov):
    ran = run(applied, "manage build submit", "stdout")
    assert (ran.code, ran.err) == (0, "")
    after = {row["status"] for row in json.loads(asimov("status", "--json").out)}
    assert after == {"running"}


def test_what_fails_keeps_its_exit_code(applied, asimov):
    assert run(applied, "production set s/* --status restart --yes", "stdout").code == 1
    assert run(applied, "cancel s", "stderr").code == 1  # the question can't be asked
    assert run(applied, "no-such-command", "stderr").code == 2
    wrong = applied / "wrong.yaml"
    wrong.write_text("kind: analysis\nsubject: s\nname: b\npipelin: command\n")
    assert asimov("vocabulary", "check", wrong).code == 1
    assert run(applied, "vocabulary check wrong.yaml", "stdout").code == 1
    assert {row["status"] for row in json.loads(asimov("status", "--json").out)} == {"ready"}


@pytest.mark.parametrize(
    "command", ["status", "status --watch", "log --follow", "--help", "production show s/a0"]
)
def test_a_command_that_only_shows_ends_quietly(applied, command):
    ran = run(applied, command, "stdout")
    assert (ran.code, ran.err) == (0, "")


def test_warnings_that_nobody_reads_stop_nothing(applied, asimov):
    more = applied / "more.yaml"
    more.write_text("kind: analysis\nsubject: s\nname: more\npipeline: command\nunheard of: 1\n")
    assert "note: " in asimov("apply", "-f", more, "--dry-run").err
    assert run(applied, "apply -f more.yaml", "stderr").code == 0
    assert run(applied, "cancel s --yes", "stdout", "stderr").code == 0
    after = {row["name"]: row["status"] for row in json.loads(asimov("status", "--json").out)}
    assert after["more"] == "cancelled"
    assert set(after.values()) == {"cancelled"}


def test_what_is_printed_past_asimov_stops_nothing_either(tmp_path):
    program = (
        "import subprocess, sys; from asimov.system import readers; readers.outlive()\n"
        "print('x' * 100_000, flush=True)\n"
        "print('y', file=sys.stderr)\n"
        "subprocess.run(['seq', '100000'], check=True)\n"
        "assert readers.unread()\n"
        "open('done', 'w')\n"
    )
    ran = without_reader([sys.executable, "-c", program], "stdout", "stderr", cwd=tmp_path)
    assert ran.code == 0
    assert (tmp_path / "done").exists()


def test_a_command_of_a_package_that_acts_finishes(tmp_path):
    program = (
        "import click, sys; from asimov import cli; from asimov.cli import package_commands\n"
        "@click.command()\n"
        "def act():\n"
        "    for number in range(3):\n"
        "        print('acts', flush=True)\n"
        "        click.echo('acts')\n"
        "    open('done', 'w')\n"
        "package_commands.command = lambda name: act\n"
        "sys.argv = ['asimov', 'act']\n"
        "cli.main()\n"
    )
    ran = without_reader([sys.executable, "-c", program], "stdout", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert (tmp_path / "done").exists()
