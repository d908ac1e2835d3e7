"""The data in tables and JSON, compared with names and types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asimov.pipeline.data_checks import faults_of_data, finite

TYPES = {"id": "int", "level": "float", "ok": "bool", "name": "str", "odd": "float64[3]"}


@pytest.mark.parametrize(
    ("name", "text", "data", "expected"),
    [
        ("a.csv", "id,level,ok,name,odd\n1,2.5,true,x,?\n\n-3,nan,0,,\n", TYPES, []),
        (
            "a.csv", '"id","x"\n1,"two\nlines"\nz,3\n', {"id": "int"},
            [(4, "id: 'z' is not of type int")],
        ),
        ("a.csv", "x\n1\n", {"id": "int"}, [(1, "there is no column 'id'; the columns are x")]),
        ("a.csv", "", {"id": "int"}, [(1, "there is no column 'id'; the columns are nothing")]),
        ("a.tsv", "id\tx\n1\t2\n1\n", {"id": "int"}, [(3, "should have 2 values, not 1")]),
        ("a.txt", "anything", TYPES, []),
        ("a.json", '{"id": 1, "more": {"x": 2}}', {"id": "int", "more": {"x": "float"}}, []),
        (
            "a.json", '[{"id": 1}, {"id": true}]', {"id": "int"},
            ["[1]: id: True is not of type int"],
        ),
        ("a.json", '{"more": 3}', {"more": {"x": "int"}}, ["more: should be a mapping, not 3"]),
        ("a.json", "{}", {"id": "int"}, ["there is no 'id'"]),
        ("a.json", "{\n{", {"id": "int"},
         [(2, "is not JSON: Expecting property name enclosed in double quotes")]),
    ],
)  # fmt: skip
def test_each_fault_has_its_line(
    tmp_path: Path, name: str, text: str, data: dict[str, Any], expected: list[Any]
) -> None:
    (tmp_path / name).write_text(text)
    assert list(faults_of_data(tmp_path / name, data)) == expected


def test_the_media_type_says_more_than_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("id\nx\n")
    assert list(faults_of_data(tmp_path / "a.dat", {"id": "int"}, "Text/CSV")) == [
        (2, "id: 'x' is not of type int")
    ]
    assert list(faults_of_data(tmp_path / "a.dat", {"id": "int"}, "text/plain")) == []


def test_what_is_no_text_is_a_fault_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id\n\xff\n")
    (fault,) = faults_of_data(tmp_path / "a.csv", {"id": "int"})
    assert str(fault).startswith("can't be read: ")


def test_finite_finds_what_is_no_finite_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,nan\ninf,2e3\n")
    assert list(finite(tmp_path / "a.csv")) == [
        (2, "b: 'nan' is not a finite number"),
        (3, "a: 'inf' is not a finite number"),
    ]
