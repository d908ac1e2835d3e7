from __future__ import annotations

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.languages.dag_file import read_dag_file


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("JOB A a.sub\nFINAL F f.sub\n", 2, "'FINAL' is not supported"),
        ("JOB A a.sub\nSPLICE S s.dag\n", 2, "'SPLICE' is not supported"),
        ("SUBDAG EXTERNAL S s.dag\n", 1, "'SUBDAG' is not supported"),
        ("JOB A a.sub\nCONFIG c\n", 2, "'CONFIG' is not supported"),
        ("JOB A a.sub\n\nABORT-DAG-ON A 1\n", 3, "'ABORT-DAG-ON' is not supported"),
        ("JOB A a.sub\nJOB A b.sub\n", 2, "'A' already exists, in line 1"),
        ("JOB A a.sub\nPARENT A CHILD B\n", 2, "there is no node 'B'"),
        ("JOB A a.sub\nVARS A x=1\n", 2, 'expected name="value"'),
        ("JOB A a.sub\nRETRY A often\n", 2, "RETRY needs a whole number"),
        ("JOB A a.sub\nSCRIPT HOLD A x\n", 2, "'SCRIPT HOLD' is not supported"),
        ("JOB A a.sub\nSCRIPT POST A x $SOMETHING\n", 2, "'$SOMETHING' is not supported"),
        (
            "JOB A a.sub\nJOB B b.sub\nPARENT A CHILD B\nPARENT B CHILD A\n",
            3,
            "the nodes form a cycle: A -> B -> A",
        ),
        ("JOB A a.sub\nMAXJOBS few 0\n", 2, "MAXJOBS needs 1 or more"),
        ("JOB A {\nexecutable = x\n", 1, "no closing brace"),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name_and_line(tmp_path, text, line, message):
    path = tmp_path / "x.dag"
    path.write_text(text)
    with pytest.raises(SchedulerError) as raised:
        read_dag_file(path)
    assert str(raised.value).startswith(f"{path}:{line}: ") and message in str(raised.value)


def test_variables_are_read_with_quotes_and_backslashes(tmp_path):
    path = tmp_path / "x.dag"
    path.write_text(
        'VARS ALL_NODES common="c"\nJOB A a.sub\nvars A x="a \\"b\\" \\\\" y = "2"\n'
        'VARS A APPEND z="3"\n'
    )
    node = read_dag_file(path).nodes["A"]
    assert node.before == {"common": "c", "x": 'a "b" \\', "y": "2"} and node.after == {"z": "3"}
