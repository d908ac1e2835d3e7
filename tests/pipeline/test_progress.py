"""Progress that jobs append to a file."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from asimov.pipeline.progress import Progress, of_answer, parse, read, together


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0.35 fitting", (0.35, "fitting")),
        ("7/20 fit run 12\n", (0.35, "fit run 12")),
        ("35% fit", (0.35, "fit")),
        ("1", (1.0, "")),
        ("  0 begin ", (0.0, "begin")),
        ("3 / 4", (0.75, "")),
        ("1e-1", (0.1, "")),
        ("", None),
        ("fit run 12", None),
        ("1.5 too much", None),
        ("-0.1", None),
        ("nan", None),
        ("1/0", None),
        ("5/4 x", None),
        ("0.3fit", None),
    ],
)
def test_a_line_is_a_fraction_and_a_step(line: str, expected: Any) -> None:
    found = parse(line)
    assert found == (None if expected is None else (pytest.approx(expected[0]), expected[1]))


def test_the_last_whole_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "p"
    assert read(path) is None
    path.write_text("0.1 a\nnonsense\n")
    assert read(path) == Progress(0.1, "a")
    path.write_text(100_000 * "x" + "\n0.2 b\n0.")
    assert read(path) == Progress(0.2, "b")


def test_several_nodes_have_the_mean_and_the_step_of_one_that_works() -> None:
    assert together([None, None]) is None
    half = together([Progress(1.0, "done"), Progress(0.5, "fit"), None, Progress(0.5)])
    assert half == Progress(0.5, "fit")


def test_it_is_never_shown_as_complete_before_it_is() -> None:
    assert str(Progress(0.9999, "end")) == "99% end"
    assert str(Progress(0.29)) == "29%"
    assert str(Progress(1.0)) == "100%"
    assert "\x1b" not in str(Progress(0.5, "\x1b[2J"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Progress(0.5, "x"), Progress(0.5, "x")),
        ({"fraction": 0.5, "step": "x"}, Progress(0.5, "x")),
        ({"fraction": 1}, Progress(1.0)),
        ({"done": "3 of 4"}, None),
        ({"fraction": 2}, None),
        ({"fraction": float("nan")}, None),
        ("text", None),
        (None, None),
    ],
)
def test_an_answer_of_a_pipeline_may_hold_a_fraction(answer: Any, expected: Any) -> None:
    assert of_answer(answer) == expected


SCRIPT = """\
#!/bin/sh
echo "1/10 load" >> "$ASIMOV_PROGRESS"
until [ -e go ]; do sleep 0.05; done
for n in 2 3 4 5 6 7 8 9; do sleep 0.3; echo "$n/10 fit run $n" >> "$ASIMOV_PROGRESS"; done
until [ -e end ]; do sleep 0.05; done
touch out
"""


def test_status_why_and_json_show_it_with_the_time_that_is_left(lab: Any) -> None:
    command = json.dumps(
        {
            "kind": "analysis", "event": "s", "name": "a", "pipeline": "command",
            "executable": "work", "outputs": {"out": "out"},
        }
    )  # fmt: skip
    (lab.root / "work").write_text(SCRIPT)
    (lab.root / "work").chmod(0o755)
    path = lab.root / "more.yaml"
    path.write_text("{kind: subject, name: s}\n---\n" + command)
    lab.run("apply", "-f", path)
    lab.run("manage", "build", "submit")

    def watched(wanted: str) -> dict[str, Any]:
        end = time.monotonic() + 120
        while True:
            lab.run("monitor")
            row: dict[str, Any] = lab.rows()["a"]
            if re.search(wanted, row["progress"] or ""):
                return row
            assert time.monotonic() < end, row

    row = watched("load")
    assert (row["progress"], row["fraction"], row["step"]) == ("10% load", 0.1, "load")
    assert row["remaining"] is None  # one measurement has no pace
    (lab.rundir("a") / "go").touch()
    row = watched("fit")
    assert re.fullmatch(r"\d\d% fit run \d \(\d+[smh] left\)", row["progress"])
    assert row["fraction"] > 0.1
    assert 0 <= row["remaining"] < 600
    assert re.search(r"\d\d% fit run \d", lab.run("status").out)
    assert re.search(r"\d\d% fit run \d", lab.run("why", "s", "a").out)
    (lab.rundir("a") / "end").touch()
    lab.finish()
    assert lab.rows()["a"]["fraction"] is None
