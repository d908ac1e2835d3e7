"""Colours of states: on a terminal only, and from one table."""

from __future__ import annotations

import pytest

from asimov.cli.terminal.colours import COLOURS, coloured
from asimov.states import STATES
from tests.terminals import on_terminal, plain

GREEN, MAGENTA, END = "\x1b[32m", "\x1b[35m", "\x1b[0m"
BLUEPRINT = """\
{kind: subject, name: s}
---
{kind: analysis, name: a, subject: s, pipeline: command, status: manual}
"""


def test_every_state_but_ready_has_a_colour():
    assert COLOURS.keys() == {*STATES, "held", "lost"} - {"ready"}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("s/a: ready -> manual: by hand", f"s/a: ready -> {MAGENTA}manual{END}: by hand"),
        ("  s/a (manual, job 7)", f"  s/a ({MAGENTA}manual{END}, job 7)"),
        ("2 ready, 3 finished", f"2 ready, 3 {GREEN}finished{END}"),
        ("the manual says: finished", "the manual says: finished"),
        ("gain: 2 -> 5", "gain: 2 -> 5"),
    ],
)
def test_changes_and_counts_of_states_are_coloured_and_prose_is_not(line, shown):
    assert coloured(line) == shown


def test_a_state_that_is_named_is_coloured_once():
    line = coloured("s/a is manual: a manual run", ["manual", "ready"])
    assert line == f"s/a is {MAGENTA}manual{END}: a manual run"


def test_states_are_coloured_on_a_terminal_and_nowhere_else(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    commands = ["status", "why s a", "report status", "log", "review status", "monitor -n"]
    coloured_ones = [each for each in commands if each != "review status"]
    for command in coloured_ones:
        shown = on_terminal(f"asimov {command}", project)
        assert f"{MAGENTA}manual" in shown, command
        assert "\x1b" not in on_terminal(f"asimov {command}", project, NO_COLOR="1"), command
        assert "manual" in plain(shown)
        ran = asimov(*command.split())
        assert "\x1b" not in ran.out + ran.err
        assert "manual" in ran.out
    assert "\x1b" not in on_terminal("asimov status --json; asimov status | cat", project)
