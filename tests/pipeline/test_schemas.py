"""Schemas of assets, compared and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asimov.pipeline.schemas import Schema, faults_of_files, mismatch

POINTS = {"cloud": {"data": "float64", "id": "int"}}


@pytest.mark.parametrize(
    ("made", "wanted", "expected"),
    [
        (None, Schema(".h5"), None),
        (Schema(".h5"), None, None),
        (Schema(), Schema(".h5", "text/csv", POINTS), None),
        (Schema(".h5", data=POINTS), Schema(".H5", data=POINTS), None),
        (Schema(".h5", data={**POINTS, "more": "int"}), Schema(data=POINTS), None),
        (Schema(".csv"), Schema(".h5"), "it is made as .csv, and wanted as .h5"),
        (
            Schema(media_type="text/csv"),
            Schema(".h5", "text/tab"),
            "it is made as text/csv, and wanted as .h5 text/tab",
        ),
        (
            Schema(data={"cloud": {"data": "float32", "id": "int"}}),
            Schema(data=POINTS),
            "its 'cloud/data' is made as float32, and wanted as float64",
        ),
        (
            Schema(data={"cloud": {"id": "int"}}),
            Schema(data=POINTS),
            "it is made without 'cloud/data', which is wanted as float64",
        ),
        (
            Schema(data={"cloud": "float"}),
            Schema(data=POINTS),
            "its 'cloud' is made as float, and wanted as {data: float64, id: int}",
        ),
    ],
)
def test_an_output_fits_an_input_or_both_sides_are_shown(
    made: Any, wanted: Any, expected: str | None
) -> None:
    assert mismatch(made, wanted) == expected


def test_files_are_checked_by_name_and_by_a_function(tmp_path: Path) -> None:
    def check(path: Path) -> list[Any]:
        lines = path.read_text().splitlines()
        return [(n, f"{each!r} is not a number") for n, each in enumerate(lines, 1) if each != "1"]

    schema = Schema(".csv", check=check)
    (tmp_path / "good.CSV").write_text("1\n1\n")
    (tmp_path / "bad.csv").write_text("1\nx\x1b[2J\n")
    (tmp_path / "bad.txt").write_text("1\n")
    assert faults_of_files(schema, [tmp_path / "good.CSV"], tmp_path) == []
    assert faults_of_files(schema, [tmp_path / "bad.txt"], tmp_path) == [
        "bad.txt: its name should end in .csv"
    ]
    (fault,) = faults_of_files(schema, [tmp_path / "bad.csv"], tmp_path)
    assert fault.startswith("bad.csv:2: ")
    assert "\x1b" not in fault


def test_only_the_first_faults_are_shown(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    many = Schema(check=lambda path: map(str, range(10**9)))
    assert faults_of_files(many, [tmp_path / "x"], tmp_path) == [f"x: {n}" for n in range(20)]
