"""Previews of files."""

from __future__ import annotations

import pytest

from asimov.report.previews import preview


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_table_is_shown_by_its_first_rows_after_remarks(file):
    found = preview(file("t.csv", "# unit: m\n# by ada\na,b\n1,\x1b[31m\n2,3\n"), rows=2)
    assert (found.kind, found.rows, found.whole) == (
        "table",
        [["a", "b"], ["1", "\\x1b[31m"]],
        False,
    )
    assert preview(file("t.tsv", "a\tb\n1\t2\n")).rows == [["a", "b"], ["1", "2"]]
    long = preview(file("long.csv", "a,b\n" + "1,2\n" * 100_000))
    assert (len(long.rows), long.whole) == (20, False)


def test_json_is_laid_out_and_broken_json_is_text(file):
    assert preview(file("a.json", '{"b":[1]}')).text == '{\n  "b": [\n    1\n  ]\n}'
    assert preview(file("a.json", "{")).text == "{"
    assert preview(file("a.json", "[" * 5000)).kind == "text"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [("a.PNG", "x", "picture"), ("a.svg", "<svg/>", "picture"), ("a.txt", "x", "text"),
     ("a.dat", b"a\0b", ""), ("empty.csv", "", "text"), ("a.out", b"\xff\xfe text", "text"),
     ("a.csv", b"\0", "")],
)  # fmt: skip
def test_what_is_shown_depends_on_the_name_and_the_content(file, name, content, kind):
    assert preview(file(name, content)).kind == kind


def test_only_the_beginning_of_text_is_shown_and_a_missing_file_shows_nothing(file, tmp_path):
    found = preview(file("a.log", "line\n" * 1000), lines=3)
    assert (found.text, found.whole) == ("line\nline\nline", False)
    assert len(preview(file("wide.txt", "x" * 70_000)).text) < 1000
    assert preview(tmp_path / "none.txt").kind == ""
