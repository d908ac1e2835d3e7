"""The diagrams are drawn from their sources, and the life of an analysis is the table's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from asimov import states

TOP = Path(__file__).resolve().parent.parent
LIFE = (TOP / "docs" / "diagrams" / "life.dot").read_text()


def drawn() -> set[tuple[str, str, str]]:
    found = re.findall(r"^  (\w+) -> (\w+) \[class=(\w+)", LIFE, flags=re.MULTILINE)
    assert len(found) == len(re.findall("->", LIFE))
    return set(found)


def test_the_diagram_of_a_life_has_every_transition_of_the_program_and_none_of_its_own() -> None:
    known = {(each.before, each.after, each.actor) for each in states.TRANSITIONS}
    assert drawn() <= known
    assert {each for each in known if each[2] != "person"} <= drawn()


def test_the_diagram_of_a_life_marks_states_as_the_table_does() -> None:
    marked = dict(re.findall(r"\b(\w+) \[class=(active|done|waits)\]", LIFE))
    for before, after, _ in drawn():
        for name in (before, after):
            state = states.STATES[name]
            mark = "active" if state.active else "done" if state.done else "waits"
            assert marked.get(name) == (mark if state.blocks or mark != "waits" else None), name


def test_the_drawings_are_up_to_date() -> None:
    ran = subprocess.run(
        [sys.executable, TOP / "tools" / "make-diagrams", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
