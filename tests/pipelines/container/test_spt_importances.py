"""``importances.csv`` of SPT's plugins: each fault with its line, and the ranks."""

from __future__ import annotations

from pathlib import Path

import pytest
from asimov.pipelines.container.spt_cells import Cells, read, written
from asimov.pipelines.container.spt_importances import faults, ranks

CELLS = Cells(
    specimens={1: "a", 2: "a", 3: "b, c", 4: "b, c"},
    graphs={1: "a_0.h5", 2: "a_1.h5", 3: "b.h5", 4: "b.h5"},
)
GOOD = "histological_structure,importance\n1,0.5\n2,1e-3\n3,-2\n4,0.25\n"


def found(tmp_path: Path, text: str | bytes, cells: Cells = CELLS) -> list[tuple[int | None, str]]:
    path = tmp_path / "importances.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(faults(path, cells))


def test_a_correct_file_has_no_fault(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []
    assert found(tmp_path, GOOD.replace("\n", "\r\n")) == []


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("structure,importance", "structure, importance", 1, "the header should be"),
        (GOOD, "", 1, "the header should be"),
        ("3,-2", "2,-2", 4, "cell 2 is repeated: it is already in line 3"),
        ("3,-2", "9,-2", 4, "cell 9 is in no input graph"),
        ("3,-2", "3,nan", 4, "the importance of cell 3 is 'nan', not a finite number"),
        ("3,-2", "3,inf", 4, "not a finite number"),
        ("3,-2", "3,", 4, "not a finite number"),
        ("3,-2", "3.0,1", 4, "'3.0' is not the id of a cell"),
        ("3,-2", "3", 4, "should have 2 values, not 1"),
        ("3,-2\n", "", None, "cell 3 of the graph b.h5 is missing"),
        ("1,0.5\n2,1e-3\n", "", None, "cell 1 of the graph a_0.h5 is missing (and 1 more)"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, line: int | None, message: str
) -> None:
    assert before in GOOD
    first = found(tmp_path, GOOD.replace(before, after))[0]
    assert first[0] == line
    assert message in first[1]


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    assert "can't be read" in found(tmp_path, GOOD.encode() + b"\xff\xfe")[0][1]


def test_every_fault_is_told(tmp_path: Path) -> None:
    text = GOOD.replace("1,0.5", "1,nan").replace("4,0.25", "7,1")
    assert [line for line, _ in found(tmp_path, text)] == [2, 5, None]


def test_cells_are_ranked_within_their_specimen(tmp_path: Path) -> None:
    path = tmp_path / "importances.csv"
    path.write_text(GOOD)
    assert ranks(path, CELLS) == (
        'specimen,histological_structure,rank\na,1,1\na,2,2\n"b, c",4,1\n"b, c",3,2\n'
    )


def test_the_first_thousand_of_each_specimen_are_kept_and_ties_go_by_id(tmp_path: Path) -> None:
    cells = Cells({n: "ab"[n % 2] for n in range(5000)}, dict.fromkeys(range(5000), "g"))
    path = tmp_path / "importances.csv"
    rows = [f"{n},{n // 10}" for n in reversed(range(5000))]
    path.write_text("\n".join(["histological_structure,importance", *rows, ""]))
    assert not list(faults(path, cells))
    lines = ranks(path, cells).splitlines()[1:]
    assert len(lines) == 2000
    assert lines[:3] == ["a,4990,1", "a,4992,2", "a,4994,3"]
    assert lines[-1].endswith(",1000")


def test_cells_are_kept_with_the_run(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    path.write_text(written(CELLS))
    assert read(path) == CELLS
