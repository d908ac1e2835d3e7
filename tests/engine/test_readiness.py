"""What an analysis waits for, and who has to do something about it."""

from __future__ import annotations

from typing import Any

import pytest

from asimov.engine import readiness
from asimov.engine.readiness import waiting_for


def waits(lab: Any, name: str) -> list[str]:
    workspace = lab.open()
    workspace.journal.close()
    return waiting_for(workspace, ("s", name))


def blocked(lab: Any, name: str) -> bool:
    workspace = lab.open()
    workspace.journal.close()
    return ("s", name) in readiness.blocked(workspace, [("s", name)])


def test_an_analysis_without_needs_waits_for_nothing(lab: Any) -> None:
    lab.apply("a")
    assert waits(lab, "a") == []
    assert not blocked(lab, "a")


def test_it_waits_for_each_need_with_its_state(lab: Any) -> None:
    lab.apply("a", "b, status: wait", "c, needs: [a, b]")
    assert waits(lab, "c") == ["a is ready", "b is wait"]


def test_a_need_that_matches_nothing_is_named(lab: Any) -> None:
    lab.apply("c, needs: [nobody, [{step: one}, {setting: x}]]")
    assert waits(lab, "c") == [
        "nothing matches 'nobody'",
        "nothing matches 'step: one and setting: x'",
    ]
    assert blocked(lab, "c")


def test_an_optional_need_that_matches_nothing_keeps_nobody_waiting(lab: Any) -> None:
    lab.apply("c, needs: [{setting: x, optional: true}]")
    assert waits(lab, "c") == []


def test_it_waits_across_subjects_by_the_full_name(lab: Any) -> None:
    lab.apply("a")
    (lab.root / "other.yaml").write_text(
        "{kind: subject, name: t}\n---\n"
        "{kind: analysis, event: t, name: b, pipeline: simpletestpipeline, needs: [s/a]}\n"
    )
    lab.run("apply", "-f", "other.yaml")
    workspace = lab.open()
    workspace.journal.close()
    assert waiting_for(workspace, ("t", "b")) == ["s/a is ready"]


@pytest.mark.parametrize("state", ["wait", "stuck", "stopped", "cancelled", "manual"])
def test_a_need_that_only_a_person_can_move_blocks_however_far_away(lab: Any, state: str) -> None:
    lab.apply(f"a, status: {state}", "b, needs: [a]", "c, needs: [b]", "d", "e, needs: [d]")
    assert not blocked(lab, "e")
    assert blocked(lab, "b")
    assert blocked(lab, "c")
    assert waits(lab, "b") == [f"a is {state}"]
    assert waits(lab, "c") == ["b is ready"]


def test_a_circle_made_by_an_editor_is_told_and_blocks(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    path = lab.root / "ledger" / "subjects" / "s.yaml"
    text = path.read_text()
    path.write_text(text.replace("- name: a\n", "- name: a\n  needs: [b]\n"))
    told = waits(lab, "a")
    assert told == ["b is ready", "needs form a cycle: a needs b needs a"]
    assert blocked(lab, "a")
    assert "cycle" in lab.run("status").out
    lab.finish(code=3)
    assert lab.states() == {"a": "ready", "b": "ready"}


def test_a_subject_analysis_waits_for_all_that_it_is_made_over(lab: Any) -> None:
    lab.apply("a, kind of: x", "b, kind of: x", "c, analyses: [{kind of: x}]")
    assert waits(lab, "c") == ["a is ready", "b is ready"]
    lab.finish()
    assert (lab.rundir("c") / "result.txt").read_text() == "s/c\ns/a\ns/b\n"
