"""`asimov.engine.job_output.files`: what is known of a file that a job wrote; others are in cli."""

from __future__ import annotations

from pathlib import Path

from asimov.engine.job_output.files import OutputFile
from asimov.engine.plain_data.files import output_data


def test_a_file_that_goes_while_it_is_looked_at_is_empty_and_read_last(tmp_path: Path) -> None:
    (tmp_path / "job.err").write_text("failed\n")
    gone, errors = OutputFile(tmp_path / "gone.out"), OutputFile(tmp_path / "job.err")
    assert (gone.size, gone.changed, errors.size) == (0, 0.0, 7)
    assert sorted([gone, errors], key=lambda each: each.reading_order) == [errors, gone]
    data = output_data(gone, 5)
    assert (data["bytes"], data["changed"]) == (0, "1970-01-01T00:00:00Z")


def test_a_reader_sees_output_before_errors_whatever_their_order(tmp_path: Path) -> None:
    for name in ("b.err", "c.log", "a"):
        (tmp_path / name).write_text("text\n")
    files = [
        OutputFile(tmp_path / "a", kind="error"),
        OutputFile(tmp_path / "b.err"),
        OutputFile(tmp_path / "c.log"),
    ]
    assert sorted(files, key=lambda each: each.reading_order) == [files[2], *files[:2]]
