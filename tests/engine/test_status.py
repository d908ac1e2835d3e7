"""What ``asimov status`` shows of each analysis."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from asimov.system.clock import iso


def test_a_row_has_what_a_person_asks_for(lab: Any) -> None:
    lab.apply("a, comment: as ever", "b, needs: [a]", "c, status: wait", "d, status: manual")
    lab.run("manage", "build", "submit")
    lab.until("a")
    lab.run("monitor")
    rows = lab.rows()
    assert list(rows) == ["a", "b", "c", "d"]
    row = rows["a"]
    assert (row["subject"], row["pipeline"], row["status"], row["progress"]) == (
        "s", "simpletestpipeline", "uploaded", "1/1",
    )  # fmt: skip
    assert (row["job_state"], row["comment"], row["waiting_for"]) == (None, "as ever", [])
    assert row["job_id"] == lab.jobs()[0][0]
    assert row["since"].endswith("Z")
    assert rows["b"]["waiting_for"] == []
    assert rows["c"]["waiting_for"] == rows["d"]["waiting_for"] == ["a person"]


def test_what_is_waited_for_changes_with_what_happens(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    assert lab.rows()["b"]["waiting_for"] == ["a is ready"]
    lab.run("manage", "build", "submit")
    assert lab.rows()["b"]["waiting_for"] == ["a is running"]


def test_an_attempt_that_was_cut_short_is_told(lab: Any) -> None:
    lab.apply("a")
    with closing(lab.open().journal) as journal:
        journal.intend(("s", "a"), "an identity", "run", "local")
    assert lab.rows()["a"]["waiting_for"] == [
        "attempt 1 began: it is not known yet whether it made a job"
    ]


def test_the_table_shows_why_something_is_stuck(lab: Any) -> None:
    lab.apply("a, exit code: 1, max resurrections: 0")
    lab.finish(code=3)
    assert "not complete" in " ".join(lab.run("status").out.split())
    assert "a simpletestpipeline stuck" in lab.run("report", "status").out


def test_times_are_in_utc() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"


def test_a_need_of_many_characters_is_cut_where_it_matches_nothing(lab: Any) -> None:
    lab.apply(f"a, needs: ['{'x' * 100_000}']")
    for listing in (("status",), ("report", "status"), ("why", "s", "a")):
        ran = lab.run(*listing)
        assert "x" * 201 not in ran.out
        assert "nothing matches" in ran.out
