"""The table of the older program's commands is complete, and what it recommends exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from asimov.cli import cli
from asimov.compat.older_commands import INSTEAD

TOP = Path(__file__).resolve().parent.parent
#: Printed by the real program; see tests/published/list_commands.py.
REAL = TOP / "tests" / "compat" / "importing" / "commands-0.8.0.txt"
ROW = re.compile(r"^\| `((?:asimov|locutus)[^`]*)`(.*?) \| (\w+)(.*) \|$", re.MULTILINE)
PAGE = (TOP / "docs" / "moving-in.md").read_text()
ROWS = ROW.findall(PAGE)


def test_the_table_has_every_command_and_option_once() -> None:
    there = set()
    for line in REAL.read_text().splitlines():
        command, _, options = line.partition(" | ")
        there |= {(command, each) for each in options.split() or [""]}
    listed = []
    commands = {command for command, _, _, _ in ROWS}
    for command, cell, _, _ in ROWS:
        options = re.findall(r"`(-[^`]*)`", cell)
        listed += [(command, each) for each in options]
    assert len(listed) == len(set(listed))
    assert {each for each in there if each[1]} == set(listed)
    assert {command for command, _ in there} == commands


def test_every_row_says_same_better_or_left_out_and_why() -> None:
    for command, _, verdict, why in ROWS:
        assert verdict in {"same", "better", "left"}, command
        assert verdict == "same" or ": " in why or "so far" in why, command


@pytest.mark.parametrize(
    "command", sorted({command for command, _, verdict, _ in ROWS if verdict in {"same", "better"}})
)
def test_what_is_the_same_or_better_is_here(command: str) -> None:
    for row, cell, verdict, why in ROWS:
        if row != command or verdict not in {"same", "better"}:
            continue
        found = _command(command.split()[1:])
        options = {each for option in found.params for each in option.opts}
        assert set(re.findall(r"`(-[^`]*)`", cell)) <= options, row
        for path in re.findall(r"`asimov ([a-z -]+?)(?: [A-Z-][^`]*)?`", why):
            _command(path.split())


def _command(path: list[str]) -> click.Command:
    found: click.Command = cli
    for name in path:
        if name.startswith("-"):
            break
        assert isinstance(found, click.Group), path
        inner = found.get_command(click.Context(found), name)
        assert inner is not None, path
        found = inner
    return found


def _gone() -> list[tuple[str, str, str]]:
    """Return each command and option that is left out, and why."""
    return [
        (row, option, why.removeprefix(" out: "))
        for row, cell, verdict, why in ROWS
        if verdict == "left" and row.startswith("asimov")
        for option in (re.findall(r"`(-[^`]*)`", cell) or [""])
    ]


def test_a_command_that_is_left_out_says_so_with_the_words_of_the_table(asimov) -> None:
    told = set()
    for row, option, why in _gone():
        if (row, option) == ("asimov apply", "-n"):
            continue  # it means something else here
        words = row.removeprefix("asimov ")
        ran = asimov(*words.split(), *([option] if option else []))
        assert ran.code == 2, (row, option, ran)
        line = ran.err.rstrip("\n")
        gone = words if words in INSTEAD else f"{words} {option}"
        assert line == f"Error: 'asimov {gone}' was removed: {INSTEAD[gone]}", row
        assert INSTEAD[gone] == why.replace("`", "'"), row
        told.add(gone)
    assert told == INSTEAD.keys()
