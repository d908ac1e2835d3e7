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


def test_the_diagram_of_a_life_has_only_transitions_of_the_table() -> None:
    assert drawn() <= {(each.before, each.after, each.actor) for each in states.TRANSITIONS}


def test_the_diagram_of_a_life_leaves_out_only_what_its_caption_names() -> None:
    """Failures of later steps, what resumes after a hold, and new runs when inputs change."""
    program = {each for each in states.TRANSITIONS if each.actor not in {"person", "cancel"}}
    left_out = {each for each in program if (each.before, each.after, each.actor) not in drawn()}
    assert all(
        "stuck" in {each.before, each.after}
        or (each.before, each.after)
        in {("uploaded", "ready"), ("uploaded", "restart"), ("ready", "finished")}
        for each in left_out
    )


def test_the_diagram_of_a_life_marks_states_as_the_table_does() -> None:
    marked = dict(re.findall(r"\b(\w+) \[class=(active|done|waits)\b", LIFE))
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
